"""A run that is gone on with: --resume after an interruption, --rerun-failed after its end."""

from __future__ import annotations

import os
import signal
import sqlite3
from collections import Counter
from pathlib import Path

import pytest
from live import Run, running, wait_for
from runners import fastest, plain, write_files

# Each test says that it ran; those behind the gate wait for it.
FILES = {
    "pytest.ini": "[pytest]\n",
    "helpers.py": """
import pathlib, time, warnings
here = pathlib.Path(__file__).parent

def ran(name):
    with open(here / "executions", "a") as file:
        file.write(name + "\\n")

def hold():
    (here / "holding").write_text("yes")
    while not (here / "gate").exists():
        time.sleep(0.005)
""",
    "test_early.py": """
import pytest, warnings
from helpers import ran

@pytest.mark.parametrize("i", range(5))
def test_good(i):
    ran(f"good{i}")
    warnings.warn(f"warned {i}")

def test_bad():
    ran("bad")
    print("said before")
    assert 0, "bad as ever"

def test_skipped():
    ran("skipped")
    pytest.skip("for a reason")

@pytest.fixture
def breaking():
    yield
    assert 0, "broken down"

def test_torn(breaking):
    ran("torn")
""",
    "test_held.py": """
from helpers import hold, ran

def test_before():
    ran("before")

def test_held():
    ran("held")
    hold()

def test_after():
    ran("after")
""",
    "test_unreadable.py": "import nothing_of_that_name\n",
}


def project(root: Path) -> Path:
    return write_files(root, FILES)


def executions(root: Path) -> Counter[str]:
    path = root / "executions"
    return Counter(path.read_text().split() if path.exists() else [])


def is_kept(root: Path, node_id: str) -> bool:
    """The newest run's journal has a verdict of the test."""
    with sqlite3.connect(root / ".fastest" / "history.db", timeout=60) as db:
        query = (
            "SELECT 1 FROM result JOIN test ON test.id = result.test WHERE node_id = ? AND"
            " verdict AND run = (SELECT max(id) FROM run)"
        )
        return db.execute(query, (node_id,)).fetchone() is not None


def stop_in_mid_run(root: Path, how: signal.Signals, *args: str) -> Run:
    """A run that is ended while test_held waits at its gate; all before it has a result."""
    (root / "gate").unlink(missing_ok=True)
    with running(root, *args, workers=1) as run:
        run.wait_file("holding")
        wait_for("what ran before", lambda: is_kept(root, "test_held.py::test_before"))
        os.kill(run.process.pid, how)
        run.process.communicate(timeout=60)
    (root / "gate").write_text("open")
    return run


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT], ids=["killed", "interrupted"])
def test_what_has_a_result_is_not_run_again(tmp_path: Path, how: signal.Signals) -> None:
    project(tmp_path)
    stop_in_mid_run(tmp_path, how, "test_early.py", "test_unreadable.py", "test_held.py")
    before = executions(tmp_path)
    assert before["good4"] == before["bad"] == before["held"] == 1
    ended = fastest(tmp_path, "--resume", "--confirm", "none", workers=None)
    assert executions(tmp_path) - before == Counter(["held", "after"])
    expected = plain(tmp_path, "test_early.py", "test_unreadable.py", "test_held.py")
    assert ended.outcomes == expected.outcomes, ended.out + ended.err
    assert ended.status == expected.status == 1
    assert ended.last_line.split(" in ")[0] == expected.last_line.split(" in ")[0]
    for text in ("bad as ever", "said before", "broken down", "nothing_of_that_name", "warned 3"):
        assert ended.out.count(text) == expected.out.count(text), text
    assert "results are kept" in ended.out
    letters = ended.out.split("results are kept")[1].split()[0]
    # Of what has run now alone; the unreadable file may have waited for a fresh worker.
    assert letters.replace("E", "", 1) == ".."


def test_a_run_keeps_its_name_and_is_ended_then(tmp_path: Path) -> None:
    project(tmp_path)
    stop_in_mid_run(tmp_path, signal.SIGKILL, "test_held.py")
    ended = fastest(tmp_path, "--resume", workers=None)
    assert ended.status == 0, ended.out + ended.err
    name = ended.report["run"]
    again = fastest(tmp_path, "--resume", name[:6], workers=None)
    assert again.status == 4
    assert again.err.startswith(f"ERROR: run {name} went to its end with exit status 0: ")
    missing = fastest(tmp_path, "--resume", "abcdef", workers=None)
    assert missing.status == 4
    assert "keeps no run abcdef" in missing.err


def test_another_checkout_or_selection_is_refused(tmp_path: Path) -> None:
    project(tmp_path)
    stop_in_mid_run(tmp_path, signal.SIGKILL, "test_early.py", "test_held.py", "-k", "not skipped")
    for args in (["--resume", "test_early.py"], ["--resume", "-k", "good"]):
        ended = fastest(tmp_path, *args, workers=None)
        assert (ended.status, ended.outcomes) == (4, {})
        assert "was started with another selection" in ended.err
    helpers = tmp_path / "helpers.py"
    text = helpers.read_text()
    helpers.write_text(text + "\n")
    (tmp_path / "test_early.py").write_text("def test_new(): pass\n")
    ended = fastest(tmp_path, "--resume", workers=None)
    assert (ended.status, ended.outcomes) == (4, {})
    assert ended.err.strip().endswith(": helpers.py, test_early.py")
    helpers.write_text(text)
    project(tmp_path)
    ended = fastest(tmp_path, "--resume", "-v", workers=None)
    expected = plain(tmp_path, "test_early.py", "test_held.py", "-k", "not skipped")
    assert ended.outcomes == expected.outcomes, ended.out + ended.err


def test_a_run_that_goes_on_is_left_alone(tmp_path: Path) -> None:
    project(tmp_path)
    with running(tmp_path, "test_held.py", workers=1) as run:
        run.wait_file("holding")
        ended = fastest(tmp_path, "--resume", workers=None)
        (tmp_path / "gate").write_text("open")
        assert run.end()[0] == 0
    assert ended.status == 4
    assert f"still goes on, as process {run.process.pid}" in ended.err


def test_only_failures_and_what_did_not_run_are_run_again(tmp_path: Path) -> None:
    project(tmp_path)
    (tmp_path / "gate").write_text("open")
    first = fastest(tmp_path)
    before = executions(tmp_path)
    early = tmp_path / "test_early.py"
    (tmp_path / "nothing_of_that_name.py").write_text("")
    ended = fastest(tmp_path, "--rerun-failed", "--confirm", "none", workers=None)
    assert executions(tmp_path) - before == Counter(["bad", "torn"])
    still = {nodeid for nodeid, outcome in first.outcomes.items() if outcome in ("failed", "error")}
    assert still - {"test_unreadable.py"} == {"test_early.py::test_bad", "test_early.py::test_torn"}
    assert ended.outcomes == plain(tmp_path).outcomes
    # A file that has changed is run as a whole.
    early.write_text(FILES["test_early.py"].replace("assert 0", "assert 1"))
    before = executions(tmp_path)
    ended = fastest(tmp_path, "--rerun-failed", workers=None)
    again = executions(tmp_path) - before
    assert again["good3"] == again["bad"] == 1 and not again["before"]
    assert "warning: the checkout has changed" in ended.out
    assert ended.status == 0
    assert ended.outcomes == plain(tmp_path).outcomes


def test_a_run_that_was_stopped_by_a_failure_is_completed(tmp_path: Path) -> None:
    project(tmp_path)
    (tmp_path / "gate").write_text("open")
    first = fastest(tmp_path, "-x", "test_early.py", "test_held.py", workers=1)
    assert first.report["not_run"]
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --deselect test_early.py::test_bad\n")
    ended = fastest(tmp_path, "--rerun-failed", workers=None)
    assert ended.status == 4 and "another selection" in ended.err
    (tmp_path / "pytest.ini").write_text(FILES["pytest.ini"])
    ended = fastest(tmp_path, "--rerun-failed", "--maxfail", "0", workers=None)
    assert ended.outcomes == plain(tmp_path, "test_early.py", "test_held.py").outcomes


@pytest.mark.parametrize("option", ["--resume", "--rerun-failed"])
def test_without_a_run_to_go_on_with(tmp_path: Path, option: str) -> None:
    project(tmp_path)
    ended = fastest(tmp_path, option, workers=None)
    assert ended.status == 4
    assert ended.err.startswith(f"ERROR: {option}: ")
    ended = fastest(tmp_path, option, "--no-history", workers=None)
    assert (ended.status, ended.err) == (4, f"ERROR: {option} doesn't go with --no-history\n")
