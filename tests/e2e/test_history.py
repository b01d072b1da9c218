"""What a run leaves behind for the next, and what is told of it."""

from __future__ import annotations

import json
import re
import signal
import sqlite3
import subprocess
from pathlib import Path

import pytest
from live import running, wait_for
from runners import BIN, environment, fastest, write_files

SUITE = """
import pathlib, time
state = pathlib.Path(__file__).with_name("state")

def test_good():
    time.sleep(0.02)

def test_changing():
    assert state.read_text() == "good"
"""


def history(cwd: Path, *args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(BIN / "fastest-coord"), "history", *args],
        cwd=cwd,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
    )


def told(cwd: Path, *args: str) -> dict[str, dict]:
    done = history(cwd, *args, "--format", "json")
    assert done.returncode == 0, done.stderr
    return {test["nodeid"]: test for test in json.loads(done.stdout)}


def project(root: Path) -> Path:
    return write_files(root, {"test_it.py": SUITE, "state": "good", "pytest.ini": "[pytest]\n"})


def test_each_run_adds_its_outcomes_and_times(tmp_path: Path) -> None:
    project(tmp_path)
    assert fastest(tmp_path).status == 0
    (tmp_path / "state").write_text("bad")
    assert fastest(tmp_path).status == 1
    (tmp_path / "state").write_text("good")
    third = fastest(tmp_path)
    assert third.status == 0
    assert re.search(r"workers, about \d+s by history$", third.out, re.MULTILINE)
    tests = told(tmp_path, "top")
    assert tests["test_it.py::test_good"]["outcomes"] == "..."
    assert tests["test_it.py::test_changing"]["outcomes"] == ".F."
    assert tests["test_it.py::test_good"]["estimate_s"] >= 0.02
    assert list(told(tmp_path, "flaky")) == ["test_it.py::test_changing"]
    assert list(told(tmp_path, "show", "test_it.py::test_good")) == ["test_it.py::test_good"]
    assert (tmp_path / ".fastest" / ".gitignore").read_text() == "*\n"


def test_what_tests_share_is_no_tests_own_time(tmp_path: Path) -> None:
    shared = """
import pytest, time
@pytest.fixture(scope="module")
def table():
    time.sleep(0.5)
def test_first(table): pass
def test_second(table): pass
"""
    write_files(tmp_path, {"test_it.py": shared, "pytest.ini": "[pytest]\n"})
    run = fastest(tmp_path)
    assert run.report["tests"][0]["setup_s"] >= 0.5
    assert told(tmp_path, "top")["test_it.py::test_first"]["estimate_s"] < 0.5
    db = sqlite3.connect(tmp_path / ".fastest" / "history.db")
    assert db.execute("SELECT estimate FROM timing WHERE part = 3").fetchone()[0] >= 0.5
    db.close()


def test_the_table_has_the_slowest_first(tmp_path: Path) -> None:
    project(tmp_path)
    fastest(tmp_path)
    lines = history(tmp_path, "top", "--limit", "1").stdout.splitlines()
    assert lines[0].split() == ["EXPECTED", "LAST", "FLAKY", "OUTCOMES", "TEST"]
    assert lines[1].endswith("  test_it.py::test_good")
    assert lines[2] == "… 1 more (--limit 0 shows all)"


def test_no_history_leaves_nothing_behind(tmp_path: Path) -> None:
    project(tmp_path)
    assert fastest(tmp_path, "--no-history").status == 0
    assert not (tmp_path / ".fastest").exists()


def test_history_names_another_file(tmp_path: Path) -> None:
    project(tmp_path / "project")
    file = tmp_path / "elsewhere.db"
    assert fastest(tmp_path / "project", "--history", str(file)).status == 0
    assert not (tmp_path / "project" / ".fastest").exists()
    assert len(told(tmp_path / "project", "top", "--history", str(file))) == 2


def journaled(cwd: Path) -> int:
    file = cwd / ".fastest" / "history.db"
    if not file.exists():
        return 0
    db = sqlite3.connect(file)
    try:
        return db.execute("SELECT count(*) FROM result").fetchone()[0]
    except sqlite3.OperationalError:  # not made yet
        return 0
    finally:
        db.close()


def test_what_an_interrupted_run_found_out_is_kept(tmp_path: Path) -> None:
    held = """
import pathlib, time
here = pathlib.Path(__file__).parent

def test_first():
    pass

def test_held():
    while not (here / "gate").exists():
        time.sleep(0.005)
"""
    write_files(tmp_path, {"test_it.py": held, "pytest.ini": "[pytest]\n"})
    with running(tmp_path, workers=1) as run:
        wait_for("the first result", lambda: journaled(tmp_path))
        run.process.send_signal(signal.SIGKILL)
        run.process.wait()
    (tmp_path / "gate").touch()
    assert fastest(tmp_path).status == 0
    assert told(tmp_path, "top")["test_it.py::test_first"]["outcomes"] == ".."


def test_two_runs_share_a_history(tmp_path: Path) -> None:
    project(tmp_path)
    command = [str(BIN / "fastest-coord"), "run", "--python", "/usr/bin/python3", "-n", "1"]
    runs = [
        subprocess.Popen(
            command, cwd=tmp_path, env=environment(), stdout=subprocess.PIPE, text=True
        )
        for _ in range(3)
    ]
    assert [(run.communicate()[0] and run.returncode) for run in runs] == [0, 0, 0]
    assert fastest(tmp_path).status == 0
    assert told(tmp_path, "top")["test_it.py::test_good"]["outcomes"] == "...."


def test_durations_go_out_and_come_in_as_pytest_split_has_them(tmp_path: Path) -> None:
    project(tmp_path / "one")
    fastest(tmp_path / "one")
    file = tmp_path / "durations.json"
    assert history(tmp_path / "one", "export", str(file)).returncode == 0
    times = json.loads(file.read_text())
    assert set(times) == {"test_it.py::test_good", "test_it.py::test_changing"}
    project(tmp_path / "two")
    done = history(tmp_path / "two", "import", str(file))
    assert (done.returncode, done.stdout) == (0, "imported 2 durations\n")
    assert history(tmp_path / "two", "export", "-").stdout == file.read_text()


@pytest.mark.parametrize(
    "text, words",
    [
        ("[1]", "must be an object"),
        ('{"a.py::t": "long"}', "the value of a.py::t must be seconds"),
        ('{"a.py::t": -1}', "the value of a.py::t must be seconds"),
        ("{", "durations.json: "),
    ],
)
def test_what_is_no_duration_is_refused_whole(tmp_path: Path, text: str, words: str) -> None:
    project(tmp_path)
    (tmp_path / "durations.json").write_text(text)
    done = history(tmp_path, "import", "durations.json")
    assert done.returncode == 4
    assert words in done.stderr and done.stderr.count("\n") == 1
    assert history(tmp_path, "export", "-").stdout == "{}\n"


@pytest.mark.parametrize(
    "args, words",
    [
        ([], "needs a verb: it is top, flaky"),
        (["merge"], "history merge takes FILE..."),
        (["slowest"], "history slowest: it is top, flaky"),
        (["show"], "history show takes ID"),
        (["top", "x"], "history top takes no argument"),
        (["show", "nothing"], "nothing: no test of this name"),
        (["top", "--limits"], "--limits"),
    ],
)
def test_wrong_calls_get_one_line(tmp_path: Path, args: list[str], words: str) -> None:
    project(tmp_path)
    fastest(tmp_path)
    done = history(tmp_path, *args)
    assert done.returncode == 4
    assert words in done.stderr and done.stderr.count("\n") == 1


def run_job(root: Path, text: str) -> Path:
    """A project of one test file that has been run with a history of its own; its file."""
    write_files(root / "p", {"pytest.ini": "[pytest]\n", "test_it.py": text})
    fastest(root / "p", workers=1)
    return root / "p" / ".fastest" / "history.db"


def test_histories_of_parallel_jobs_become_one(tmp_path: Path) -> None:
    good, bad = "def test_{}():\n    pass\n", "def test_{}():\n    assert 0\n"
    base = run_job(tmp_path / "base", good.format("a") + bad.format("b"))
    for job in ("one", "two"):
        (tmp_path / job / "p" / ".fastest").mkdir(parents=True)
        (tmp_path / job / "p" / ".fastest" / "history.db").write_bytes(base.read_bytes())
    one = run_job(tmp_path / "one", bad.format("a"))
    two = run_job(tmp_path / "two", good.format("b") + good.format("c"))
    done = history(base.parents[1], "merge", str(one), str(two))
    assert done.stdout == f"{one}: 1 new runs, 0 new tests\n{two}: 1 new runs, 1 new tests\n"
    seen = {test: row["outcomes"] for test, row in told(base.parents[1], "top").items()}
    assert seen == {
        "test_it.py::test_a": ".F",
        "test_it.py::test_b": "F.",
        "test_it.py::test_c": ".",
    }
    # Again, and into a file of its own: nothing comes twice, nothing is left out.
    done = history(base.parents[1], "merge", str(one), str(two))
    assert done.stdout == f"{one}: 0 new runs, 0 new tests\n{two}: 0 new runs, 0 new tests\n"
    fresh = tmp_path / "fresh.db"
    assert history(base.parents[1], "merge", str(base), "--history", str(fresh)).returncode == 0
    for args in (["top"], ["top", "--history", str(fresh)]):
        again = told(base.parents[1], *args)
        assert {test: row["outcomes"] for test, row in again.items()} == seen


def test_what_is_no_history_is_not_merged(tmp_path: Path) -> None:
    own = run_job(tmp_path, "def test_a():\n    pass\n")
    before = told(own.parents[1], "top")
    other = tmp_path / "other.db"
    newer = sqlite3.connect(tmp_path / "newer.db")
    newer.execute(f"PRAGMA application_id = {0x46535431}")
    newer.execute("PRAGMA user_version = 1000")
    newer.close()
    text = b"no database\n" * 100
    newer_bytes = (tmp_path / "newer.db").read_bytes()
    for content, words in ((newer_bytes, "newer fastest"), (text, "move it away")):
        other.write_bytes(content)
        done = history(own.parents[1], "merge", str(other))
        assert done.returncode == 4 and words in done.stderr
        assert done.stderr.count("\n") == 1
        other.unlink()
    for path, words in ((other, "other.db"), (own, "it is the history itself")):
        done = history(own.parents[1], "merge", str(path))
        assert done.returncode == 4 and words in done.stderr
    assert told(own.parents[1], "top") == before


def test_gc_forgets_what_no_run_meets_any_more(tmp_path: Path) -> None:
    many = "import pytest\n@pytest.mark.parametrize('x', range(300))\ndef test_gone(x):\n    pass\n"
    file = run_job(tmp_path, many)
    run_job(tmp_path, "def test_stays():\n    pass\n")
    done = history(file.parents[1], "gc", "--keep", "2")
    assert done.stdout.startswith("removed 0 tests and 0 runs")
    size = file.stat().st_size
    done = history(file.parents[1], "gc", "--keep", "1")
    assert done.stdout == f"removed 300 tests and 1 runs, {size} bytes -> {file.stat().st_size}\n"
    assert file.stat().st_size < size
    assert list(told(file.parents[1], "top")) == ["test_it.py::test_stays"]
    assert fastest(file.parents[1], workers=1).status == 0


def test_without_a_history_there_is_nothing_to_show(tmp_path: Path) -> None:
    project(tmp_path)
    done = history(tmp_path, "top")
    assert done.returncode == 4
    assert "history.db" in done.stderr and done.stderr.count("\n") == 1
    assert not (tmp_path / ".fastest").exists()
