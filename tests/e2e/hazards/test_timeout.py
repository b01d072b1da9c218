"""--test-timeout: a test that takes too long is ended, blamed and shown; the rest runs.

No test here depends on how fast the machine is: what is to be ended would never end by itself,
and what is to pass has no limit that matters.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from runners import Ended, fastest, fastest_command, plain, write_files

GOOD = "def test_good(): pass\n"
LIMIT = ("--test-timeout", "2.5")


def run(root: Path, bad: str, *args: str, workers: int = 2) -> tuple[Ended, dict]:
    """Ours, and the JSON entry of test_x.py::test_hangs."""
    expected = plain(write_files(root / "plain", {"test_good.py": GOOD}))
    suite = write_files(root / "suite", {"test_good.py": GOOD, "test_x.py": bad})
    ours = fastest(suite, *LIMIT, *args, workers=workers)
    assert expected.outcomes.items() <= ours.outcomes.items(), ours.out
    found = [test for test in ours.report["tests"] if test["nodeid"] == "test_x.py::test_hangs"]
    return ours, found[0] if found else {}


HANGS = {
    "sleep": "time.sleep(3600)",
    "lock": "threading.Lock().acquire() and (lock := threading.Lock()).acquire() and lock.acquire()",
    "python loop": "\n    while True: pass",
    "C code with the lock held": "ctypes.PyDLL(None).pause()",
    "signals ignored": "signal.signal(signal.SIGTERM, signal.SIG_IGN), time.sleep(3600)",
    "child": "subprocess.run(['sleep', '3600'])",
    "catches everything": """
    while True:
        try: time.sleep(3600)
        except BaseException: pass""",
}


@pytest.mark.parametrize("way", HANGS)
def test_whatever_hangs_is_ended_and_shown(way: str, tmp_path: Path) -> None:
    text = f"""
import ctypes, signal, subprocess, threading, time
def test_a(): pass
def test_hangs():
    print("before it hung")
    {HANGS[way].strip() if not HANGS[way].startswith(chr(10)) else HANGS[way].strip()}
def test_c(): pass
"""
    ours, hung = run(tmp_path, text)
    assert ours.status == 1
    assert ours.outcomes["test_x.py::test_a"] == ours.outcomes["test_x.py::test_c"] == "passed"
    assert hung["outcome"] == "failed"
    head = "timeout: 'test_x.py::test_hangs' ran longer than 2.5 s (--test-timeout) during call"
    assert hung["longrepr"].startswith(head)
    assert "(most recent call first)" in hung["longrepr"]
    assert "in test_hangs" in hung["longrepr"]
    assert hung["stdout"].strip() == "before it hung"
    assert head in ours.out


def test_without_its_stacks_it_says_so(tmp_path: Path) -> None:
    text = """
import signal, time
def test_hangs():
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    time.sleep(3600)
"""
    ours, hung = run(tmp_path, text)
    assert "(it did not say where it was)" in hung["longrepr"]


@pytest.mark.parametrize("phase", ["setup", "teardown"])
def test_set_up_and_tear_down_count_too(phase: str, tmp_path: Path) -> None:
    text = f"""
import pytest, time
@pytest.fixture
def slow():
    if "{phase}" == "setup": time.sleep(3600)
    yield
    time.sleep(3600)
def test_hangs(slow): pass
"""
    ours, hung = run(tmp_path, text)
    assert hung["outcome"] == "failed"
    assert f"during {phase}" in hung["longrepr"]


def test_a_later_tear_down_that_hangs_is_the_last_tests_error(tmp_path: Path) -> None:
    text = """
import pytest, time
@pytest.fixture(scope="module")
def slow():
    yield
    time.sleep(3600)
def test_hangs(slow): pass
"""
    suite = write_files(tmp_path, {"test_x.py": text, "test_z.py": GOOD})
    ours = fastest(suite, *LIMIT, workers=1)
    # Where the next file was known already, it was the test's own tear-down.
    assert ours.outcomes["test_x.py::test_hangs"] in ("error", "failed")
    assert ours.outcomes["test_z.py::test_good"] == "passed"
    assert "during teardown" in ours.out


def test_a_test_that_ends_while_it_is_being_ended_ran_too_long(tmp_path: Path) -> None:
    text = """
import signal, time
ended = []
def test_hangs():
    # Ends as soon as the agent has begun to end it.
    signal.signal(signal.SIGTERM, lambda number, frame: ended.append(number))
    while not ended: time.sleep(0.01)
def test_next():
    while len(ended) == 1: time.sleep(0.01)
"""
    suite = write_files(tmp_path, {"test_x.py": text})
    ours = fastest(suite, *LIMIT, "-k", "hangs", workers=1)
    assert ours.outcomes == {"test_x.py::test_hangs": "failed"}


def test_a_file_that_hangs_when_it_is_opened_is_one_error(tmp_path: Path) -> None:
    text = "import time\ntime.sleep(3600)\ndef test_hangs(): pass\n"
    suite = write_files(tmp_path, {"test_good.py": GOOD, "test_x.py": text})
    ours = fastest(suite, "--test-timeout", "0.5", "-k", "hangs")
    assert ours.outcomes == {"test_x.py": "error"}
    assert "timeout: collecting 'test_x.py' took longer than 5 s" in ours.out
    assert 'test_x.py", line 2 in <module>' in ours.out


def test_a_limit_that_nobody_reaches_changes_nothing(tmp_path: Path) -> None:
    suite = write_files(tmp_path, {"test_x.py": GOOD + "def test_bad(): assert 0\n"})
    expected, ours = plain(suite), fastest(suite, "--test-timeout", "3600")
    assert ours.outcomes == expected.outcomes
    assert ours.status == expected.status


@pytest.mark.parametrize("value", ["x", "-1", "1s", "inf", "nan", "1e99", ""])
def test_a_limit_that_is_no_number_is_refused(value: str, tmp_path: Path) -> None:
    ours = fastest(tmp_path, f"--test-timeout={value}")
    assert ours.status == 4
    assert "--test-timeout" in ours.err and len(ours.err.splitlines()) == 1


def test_the_run_timeout_interrupts_the_run(tmp_path: Path) -> None:
    text = "import time\ndef test_hangs(): time.sleep(3600)\ndef test_later(): pass\n"
    suite = write_files(tmp_path, {"test_x.py": text})
    ours = fastest(suite, "--run-timeout", "4", workers=1)
    assert ours.status == 2
    assert "the run took longer than 4 s (--run-timeout)" in ours.out
    assert set(ours.report["not_run"]) == {"test_x.py::test_hangs", "test_x.py::test_later"}
