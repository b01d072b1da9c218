"""kill -9 of the coordinator at any moment, then --resume: plain pytest's verdict, and no test
whose result was in the journal runs again.

A few moments here; FAULTS=all in the environment makes it every write of the journal, KILLS=N that
many random moments (SEED=N: the same ones again)."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

from live import wait_for
from runners import environment, fastest, fastest_command, plain, write_files
from test_history_faults import with_fault

COUNTED = """
import pathlib, time, pytest
here = pathlib.Path(__file__).parent

@pytest.fixture(autouse=True)
def counted(request):
    with open(here / "executions", "a") as file:
        file.write(request.node.nodeid + "\\n")
"""

TESTS = """
import pytest, time

@pytest.mark.parametrize("i", range({count}))
def test_many(i):
    time.sleep({pause})
    assert i != 2, "the third fails"

def test_skipped():
    pytest.skip("for a reason")
"""


def project(root: Path, files: int, count: int, pause: float) -> Path:
    tests = {f"test_{i}.py": TESTS.format(count=count, pause=pause) for i in range(files)}
    return write_files(root, {"conftest.py": COUNTED, "pytest.ini": "[pytest]\n", **tests})


def kept(root: Path) -> set[str]:
    """Node ids with a verdict in the newest run's journal."""
    file = root / ".fastest" / "history.db"
    query = (
        "SELECT node_id FROM result JOIN test ON test.id = test"
        " WHERE verdict AND run = (SELECT max(id) FROM run)"
    )
    try:
        with closing(sqlite3.connect(file)) as db:
            assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            return {nodeid for (nodeid,) in db.execute(query)}
    except sqlite3.OperationalError:  # not made yet
        return set()


def executions(root: Path) -> Counter[str]:
    path = root / "executions"
    return Counter(path.read_text().splitlines() if path.exists() else [])


def surroundings(scratch: Path, **extra: str) -> dict[str, str]:
    """What a killed coordinator leaves behind lies in scratch."""
    return environment(
        PYTHONDONTWRITEBYTECODE="1", TMPDIR=str(scratch), XDG_RUNTIME_DIR="", **extra
    )


def settle(root: Path) -> None:
    """Until what a killed coordinator has left is gone: its workers write no more."""

    def works_there(name: str) -> bool:
        try:
            return name.isdigit() and os.path.samefile(f"/proc/{name}/cwd", root)
        except OSError:  # gone, or nobody else's business
            return False

    def is_quiet() -> bool:
        return not any(works_there(name) for name in os.listdir("/proc"))

    wait_for("the end of the workers", is_quiet)


def complete(root: Path, expected: dict[str, str], workers: int) -> int:
    """Goes on with a killed run to its end; how many tests ran twice."""
    settle(root)
    known = kept(root)
    ended = fastest(root, "--resume", "--confirm", "none", workers=workers)
    if "keeps no run" in ended.err:  # killed before its run was in the journal
        assert not known
        ended = fastest(root, "--confirm", "none", workers=workers)
    if "went to its end" in ended.err:  # killed behind its report
        assert known == set(expected)
        return 0
    assert ended.outcomes == expected, ended.out + ended.err
    again = {nodeid for nodeid, times in executions(root).items() if times > 1}
    assert set(executions(root)) == set(expected)
    assert not again & known
    return len(again)


def test_killed_at_a_write_of_the_journal(tmp_path: Path) -> None:
    seed = project(tmp_path / "seed", files=2, count=4, pause=0)
    expected = plain(seed).outcomes
    (seed / "executions").unlink()
    place = tmp_path / "place"

    def run_with(fault: str) -> int:
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(seed, place)
        env = surroundings(tmp_path, **with_fault(fault, tmp_path))
        command = fastest_command("--confirm", "none", workers=1)
        return subprocess.run(command, cwd=place, env=env, capture_output=True).returncode

    assert run_with("kill:0") == 1
    writes = int((tmp_path / "count").read_text())
    assert writes > 20
    every = range(1, writes + 1)
    moments = every if os.environ.get("FAULTS") == "all" else every[:: max(1, writes // 7)]
    for moment in moments:
        (tmp_path / "count").unlink(missing_ok=True)
        if run_with(f"kill:{moment}") == -signal.SIGKILL:
            complete(place, expected, workers=1)
        else:  # results came in fewer turns this time
            assert int((tmp_path / "count").read_text()) < moment


def test_killed_at_random_moments(tmp_path: Path) -> None:
    seed = int(os.environ.get("SEED", "1"))
    kills = int(os.environ.get("KILLS", "3"))
    chance = random.Random(seed)
    place = project(tmp_path / "place", files=4, count=10, pause=0.01)
    expected = plain(place).outcomes
    env = surroundings(tmp_path)
    twice = 0
    for _ in range(kills):
        (place / "executions").unlink(missing_ok=True)
        shutil.rmtree(place / ".fastest", ignore_errors=True)
        moment = chance.randrange(len(expected))
        process = subprocess.Popen(
            fastest_command("--confirm", "none", workers=2),
            cwd=place,
            env=env,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_for(f"{moment} tests", lambda: executions(place).total() >= moment)
        time.sleep(chance.uniform(0, 0.02))  # the moment itself; nothing waits for it
        process.kill()
        process.wait()
        twice += complete(place, expected, workers=2)
    print(f"\n{kills} kills with seed {seed}: {twice} tests ran twice, none of them kept")
