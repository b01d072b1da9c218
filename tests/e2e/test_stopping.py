"""-x, --maxfail and SIGINT: what stops, what is said, what is not run."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from live import is_alive, running, wait_for
from runners import fastest, plain, write_files

MIXED = "".join(f"def test_{i}():\n    assert {i} not in (3, 5, 7)\n" for i in range(10))


def test_x_stops_after_the_first_failure_as_pytest_does(tmp_path: Path) -> None:
    write_files(tmp_path, {"test_a.py": MIXED})
    expected, ours = plain(tmp_path, "-x"), fastest(tmp_path, "-x", workers=0)
    assert ours.status == expected.status == 1
    assert "stopping after 1 failures" in ours.out
    assert ours.outcomes == expected.outcomes
    not_run = {f"test_a.py::test_{i}" for i in range(4, 10)}
    assert set(ours.report["not_run"]) == not_run
    assert ours.report["summary"]["not_run"] == len(not_run)


def test_maxfail_stops_the_whole_farm_and_accounts_for_every_test(tmp_path: Path) -> None:
    write_files(tmp_path, {f"test_{name}.py": MIXED for name in "abcdef"})
    ours = fastest(tmp_path, "--maxfail=2")
    assert ours.status == 1
    assert "stopping after 2 failures" in ours.out
    assert ours.report["summary"]["failed"] >= 2
    every = {f"test_{name}.py::test_{i}" for name in "abcdef" for i in range(10)}
    assert set(ours.outcomes) | set(ours.report["not_run"]) == every
    assert not set(ours.outcomes) & set(ours.report["not_run"])


HANGING = """
import os, pathlib, pytest, time
here = pathlib.Path(__file__).parent

@pytest.fixture
def resource():
    yield
    (here / "torn-down").write_text("yes")

def test_first():
    pass

def test_hangs(resource):
    (here / "pid.tmp").write_text(str(os.getpid()))
    os.rename(here / "pid.tmp", here / "pid")
    time.sleep(600)

def test_last():
    pass
"""


def test_sigint_tears_fixtures_down_and_reports_what_ran(tmp_path: Path) -> None:
    write_files(tmp_path, {"test_a.py": HANGING})
    with running(tmp_path, workers=1) as run:
        worker = int(run.wait_file("pid"))
        os.kill(run.process.pid, signal.SIGINT)
        status, out, outcomes = run.end()
        report = run.report()
    assert status == 2
    assert outcomes == {"test_a.py::test_first": "passed"}
    assert report["not_run"] == ["test_a.py::test_hangs", "test_a.py::test_last"]
    assert report["exit_code"] == 2
    assert (tmp_path / "torn-down").exists()
    assert "1 passed" in out.strip().splitlines()[-1]
    wait_for("the worker's end", lambda: not is_alive(worker))


STUBBORN = HANGING.replace(
    "    time.sleep(600)",
    "    import signal\n"
    "    signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
    "    (here / 'deaf').write_text('yes')\n"
    "    time.sleep(600)",
)


def test_a_second_sigint_ends_at_once_and_still_reports(tmp_path: Path) -> None:
    write_files(tmp_path, {"test_a.py": STUBBORN})
    with running(tmp_path, workers=1) as run:
        run.wait_file("deaf")
        worker = int(run.wait_file("pid"))
        os.kill(run.process.pid, signal.SIGINT)
        os.kill(run.process.pid, signal.SIGINT)
        status, _, outcomes = run.end()
    assert status == 2
    assert outcomes == {"test_a.py::test_first": "passed"}
    wait_for("the worker's end", lambda: not is_alive(worker))


def test_pytest_exit_in_a_test_ends_the_run_with_its_message_and_code(tmp_path: Path) -> None:
    text = (
        "import pytest\n"
        "def test_a():\n    pass\n"
        "def test_b():\n    pytest.exit('enough of this', returncode=7)\n"
        "def test_c():\n    pass\n"
    )
    write_files(tmp_path, {"test_a.py": text})
    expected, ours = plain(tmp_path), fastest(tmp_path, workers=1)
    assert ours.status == expected.status == 7
    assert "enough of this" in ours.out
    assert ours.outcomes["test_a.py::test_a"] == "passed"
    assert "test_a.py::test_c" in ours.report["not_run"]
