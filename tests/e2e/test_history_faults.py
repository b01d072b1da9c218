"""A history whose disk fails, is full or locked, and files that can't be one: the run's verdict is
right, one line says what is wrong, and nothing that was kept is missing."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext
from pathlib import Path

import pytest
from live import running, wait_for
from runners import BIN, Ended, environment, fastest, fastest_command, plain, write_files

SUITE = """
import pathlib, pytest, time
gate = pathlib.Path(__file__).with_name("gate")

def test_bad():
    assert 0

def test_good():
    while not gate.exists():
        time.sleep(0.005)

@pytest.mark.skip
def test_skipped():
    pass
"""
EXPECTED = {
    "test_it.py::test_bad": "failed",
    "test_it.py::test_good": "passed",
    "test_it.py::test_skipped": "skipped",
}


def project(root: Path) -> Path:
    return write_files(root, {"test_it.py": SUITE, "pytest.ini": "[pytest]\n", "gate": ""})


def with_fault(fault: str, cwd: Path) -> dict[str, str]:
    """Environment that makes the coordinator's SQLite fail: tests/support/faulty_preload.c."""
    return {
        "LD_PRELOAD": str(BIN.parent / "lib" / "libfaulty_vfs.so"),
        "ASAN_OPTIONS": "verify_asan_link_order=0",
        "FAULTY_VFS": fault,
        "FAULTY_VFS_COUNT": str(cwd / "count"),
    }


def history_of(root: Path) -> Path:
    return root / ".fastest" / "history.db"


def complaints(text: str, file: Path) -> list[str]:
    return [line for line in text.splitlines() if str(file) in line]


def kept(file: Path) -> list[dict[str, str]]:
    """The verdicts that the journal holds, run by run; the file must be whole."""
    names = {0: "passed", 1: "skipped", 4: "failed"}
    with closing(sqlite3.connect(file)) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        runs: dict[int, dict[str, str]] = {
            run: {} for (run,) in db.execute("SELECT id FROM run ORDER BY id")
        }
        rows = "SELECT run, node_id, outcome FROM result JOIN test ON test.id = test WHERE verdict"
        for run, name, outcome in db.execute(rows):
            runs[run][name] = names[outcome]
        return list(runs.values())


# ---- a disk that fails


def test_a_failing_disk_never_costs_the_verdict(tmp_path: Path) -> None:
    """At some of a run's operations; at all of them with FAULTS=all in the environment."""
    seed = project(tmp_path / "seed")
    assert plain(seed).outcomes == EXPECTED
    fastest(seed)
    place = tmp_path / "place"

    def outcome_with(fault: str) -> tuple[Ended, list[str]]:
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(seed, place)
        ours = fastest(place, env=with_fault(fault, tmp_path))
        assert (ours.outcomes, ours.status) == (EXPECTED, 1), ours.out + ours.err
        told = complaints(ours.out + ours.err, history_of(place))
        assert ours.err in ("", *(f"{line}\n" for line in told))
        return ours, told

    assert outcome_with("ioerr:0")[1] == []  # none has this number
    operations = int((tmp_path / "count").read_text())
    assert operations > 50
    if os.environ.get("FAULTS") == "all":
        faults = [fault for at in range(1, operations) for fault in (f"ioerr:{at}", f"short:{at}+")]
    else:
        faults = [f"ioerr:{operations // 4}", f"short:{operations // 8}+", f"ioerr:{operations}+"]
    for fault in faults:
        ours, told = outcome_with(fault)
        assert len(told) <= 1, ours.out
        runs = kept(history_of(place))
        assert runs[0] == EXPECTED
        assert all(run.items() <= EXPECTED.items() for run in runs[1:]), fault
        assert told or runs[1:] == [EXPECTED], fault


def test_a_journal_that_fails_in_mid_run_keeps_what_it_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = history_of(project(tmp_path))
    wal = file.with_name("history.db-wal")
    (tmp_path / "gate").unlink()
    for name, value in with_fault(f"full:{tmp_path}/full", tmp_path).items():
        monkeypatch.setenv(name, value)
    with running(tmp_path, workers=1) as run:
        # Until the coordinator has the file we keep away: under the fault nobody waits for locks.
        wait_for("the journal", lambda: wal.exists() and b"test_it.py" in wal.read_bytes())
        wait_for("the first verdict", lambda: any(kept(file)))
        (tmp_path / "full").touch()
        (tmp_path / "gate").touch()
        status, out, outcomes = run.end()
    assert (status, outcomes) == (1, EXPECTED)
    (line,) = complaints(out, file)
    assert "the run goes on without history" in line and "make room" in line
    assert [line == f"warning: {told['message']}" for told in run.report()["warnings"]] == [True]
    assert kept(file) == [{"test_it.py::test_bad": "failed"}]


# ---- a file that can't be used


def make_newer(file: Path) -> None:
    with closing(sqlite3.connect(file)) as db:
        db.execute(f"PRAGMA application_id = {0x46535431}")
        db.execute("PRAGMA user_version = 1000")


def make_text(file: Path) -> None:
    file.write_text("no database\n" * 100)


def make_folder(file: Path) -> None:
    file.mkdir()


def make_foreign(file: Path) -> None:
    with closing(sqlite3.connect(file)) as db:
        db.execute("CREATE TABLE theirs (x)")


def make_loop(file: Path) -> None:
    file.symlink_to(file.name)


def make_good(file: Path) -> None:
    durations = file.with_name("durations.json")
    durations.write_text(json.dumps({f"test_it.py::test_{n}": 1.5 for n in range(2000)}))
    subprocess.run(
        [BIN / "fastest-coord", "history", "import", durations, "--history", file],
        cwd=file.parents[1],
        env=environment(),
        check=True,
        stdout=subprocess.DEVNULL,
    )


def make_short(file: Path) -> None:
    make_good(file)
    os.truncate(file, file.stat().st_size // 2)


def make_damaged(file: Path) -> None:
    make_good(file)
    page = 4096
    pages = file.stat().st_size // page
    file.write_bytes(file.read_bytes()[:page] + b"\x07garbage" * ((pages - 1) * page // 8))


def make_read_only(file: Path) -> None:
    make_good(file)
    file.chmod(0o444)
    file.parent.chmod(0o555)


UNUSABLE = {  # what is said of it, how it is made, what else fails
    "newer": ("newer fastest", make_newer, "none"),
    "foreign": ("not one of fastest", make_foreign, "none"),
    "text": ("file is not a database: move it away", make_text, "none"),
    "folder": ("unable to open database file", make_folder, "none"),
    "loop": ("unable to open database file", make_loop, "none"),
    "damaged": ("malformed: move it away", make_damaged, "none"),
    "cut": ("malformed: move it away", make_short, "none"),
    "read-only": ("it and its folder must be writable", make_read_only, "none"),
    "full": ("full: make room on its disk", make_good, "full:1+"),
    "locked": ("another process has been using it", make_good, "none"),
}


@pytest.mark.parametrize("what", UNUSABLE)
def test_an_unusable_history_is_told_and_left_alone(tmp_path: Path, what: str) -> None:
    file = history_of(project(tmp_path))
    file.parent.mkdir()
    words, make, fault = UNUSABLE[what]
    make(file)
    before = file.read_bytes() if file.is_file() else None
    prefix: list[str] = []
    if what == "read-only" and os.geteuid() == 0:  # root writes everywhere, but for this
        prefix = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]
    with locked(file) if what == "locked" else nullcontext():
        runs = [
            subprocess.run(
                prefix + fastest_command(*args, workers=1),
                cwd=tmp_path,
                env=environment(PYTHONDONTWRITEBYTECODE="1", **with_fault(fault, tmp_path)),
                capture_output=True,
                text=True,
                timeout=60,
            )
            for args in ([], ["--history", str(file)])
        ]
    ours, asked = runs
    assert ours.returncode == 1 and "1 failed, 1 passed, 1 skipped" in ours.stdout
    (line,) = complaints(ours.stdout + ours.stderr, file)
    assert words in line and "the run goes on without history" in line
    assert asked.returncode == 4
    assert asked.stderr.startswith("ERROR: ") and words in asked.stderr
    assert asked.stderr.count("\n") == 1
    assert (file.read_bytes() if file.is_file() else None) == before


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """By another process, for longer than anybody waits."""
    code = f"import sqlite3; db = sqlite3.connect({str(file)!r}); db.execute('BEGIN IMMEDIATE');"
    with subprocess.Popen(
        [sys.executable, "-c", code + "print('held', flush=True); input()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout and holder.stdout.readline() == "held\n"
        yield
        holder.communicate("\n")


def test_a_history_may_lie_behind_a_link(tmp_path: Path) -> None:
    file = history_of(project(tmp_path / "project"))
    file.parent.mkdir()
    target = tmp_path / "target.db"
    file.symlink_to(target)
    fastest(tmp_path / "project")
    assert file.is_symlink() and kept(target) == [EXPECTED]
