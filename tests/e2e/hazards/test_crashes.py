"""A worker's process dies: the right test is blamed, with all that can be known; the rest runs.

Plain pytest dies with its first crash. So each project here is given to it without what crashes,
and that must be our verdict for the rest.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from runners import Ended, fastest, plain, write_files

GOOD = """
def test_before(): pass
def test_after(): pass
"""


def run(root: Path, crashing: dict[str, str], *args: str, **given: object) -> Ended:
    """Ours on a project that crashes; everything but `bad` ends as in plain pytest without it."""
    harmless = write_files(root / "plain", {"test_good.py": GOOD})
    expected = plain(harmless)
    suite = write_files(root / "suite", {"test_good.py": GOOD, **crashing})
    ours = fastest(suite, *args, **given)  # type: ignore[arg-type]
    assert {k: v for k, v in ours.outcomes.items() if "test_good.py" in k} == expected.outcomes
    return ours


def entry(ours: Ended, nodeid: str) -> dict:
    return next(test for test in ours.report["tests"] if test["nodeid"] == nodeid)


WAYS = {
    "os._exit(7)": "exited with status 7",
    "os._exit(0)": "exited with status 0",
    "os.kill(os.getpid(), signal.SIGKILL)": "killed by SIGKILL",
    "os.abort()": "killed by SIGABRT",
    "ctypes.string_at(0)": "killed by SIGSEGV",
    "os.kill(os.getpid(), signal.SIGTERM)": "killed by SIGTERM",
}


@pytest.mark.parametrize("way", WAYS)
def test_a_test_that_ends_its_process_fails_and_its_file_goes_on(way: str, tmp_path: Path) -> None:
    text = f"""
        import ctypes, os, signal
        def test_a(): pass
        def test_dies(): {way}
        def test_c(): pass
    """.replace(
        "\n        ", "\n"
    )
    ours = run(tmp_path, {"test_x.py": text})
    assert ours.status == 1
    outcomes = {k: v for k, v in ours.outcomes.items() if "test_x.py" in k}
    assert outcomes == {
        "test_x.py::test_a": "passed",
        "test_x.py::test_dies": "failed",
        "test_x.py::test_c": "passed",
    }
    assert f"while running 'test_x.py::test_dies': {WAYS[way]} during call" in ours.out
    assert WAYS[way] in entry(ours, "test_x.py::test_dies")["longrepr"]


LAST_WORDS = """
import ctypes, os, sys, threading
go = threading.Event()
def other_thread():
    go.wait()
def test_first():
    print("of the test before")
def test_dies():
    thread = threading.Thread(target=other_thread, daemon=True)
    thread.start()
    print("printed words")
    print("words on stderr", file=sys.stderr)
    os.write(1, b"raw words\\n")
    ctypes.string_at(0)
"""


def test_what_the_test_had_written_and_all_stacks_are_told(tmp_path: Path) -> None:
    ours = run(tmp_path, {"test_x.py": LAST_WORDS}, workers=1)
    dead = entry(ours, "test_x.py::test_dies")
    assert dead["stdout"].split("\n")[:2] == ["printed words", "raw words"]
    assert dead["stderr"].strip() == "words on stderr"
    assert "Fatal Python error: Segmentation fault" in dead["longrepr"]
    assert "in test_dies" in dead["longrepr"]
    assert "in other_thread" in dead["longrepr"]
    assert "of the test before" not in dead["longrepr"] + dead["stdout"]
    for text in ("Captured stdout call", "Captured stderr call", "in other_thread"):
        assert text in ours.out


def test_stacks_are_told_where_pytests_own_plugin_is_off(tmp_path: Path) -> None:
    ours = run(tmp_path, {"test_x.py": LAST_WORDS}, "-p", "no:faulthandler", workers=1)
    assert "in test_dies" in entry(ours, "test_x.py::test_dies")["longrepr"]


@pytest.mark.parametrize("args", [["--", "--capture=sys"], ["--", "-p", "no:capture"]])
def test_other_captures_tell_what_they_can(args: list[str], tmp_path: Path) -> None:
    ours = run(tmp_path, {"test_x.py": LAST_WORDS}, *args, workers=1)
    assert ours.outcomes["test_x.py::test_dies"] == "failed"
    assert "raw words" in entry(ours, "test_x.py::test_dies")["longrepr"]


FIXTURES = """
import os, pytest
@pytest.fixture
def bad_setup():
    print("setting up")
    os._exit(5)
@pytest.fixture
def bad_teardown():
    yield
    print("tearing down")
    os._exit(6)
def test_a(): pass
def test_setup(bad_setup): pass
def test_teardown(bad_teardown): pass
def test_d(): pass
"""


def test_a_crash_in_a_tests_set_up_and_tear_down_names_the_phase(tmp_path: Path) -> None:
    ours = run(tmp_path, {"test_x.py": FIXTURES})
    assert ours.outcomes["test_x.py::test_setup"] == "failed"
    assert ours.outcomes["test_x.py::test_teardown"] == "failed"
    assert ours.outcomes["test_x.py::test_a"] == ours.outcomes["test_x.py::test_d"] == "passed"
    assert "exited with status 5 during setup" in ours.out
    assert "exited with status 6 during teardown" in ours.out
    assert entry(ours, "test_x.py::test_setup")["stdout"].strip() == "setting up"
    assert "tearing down" in entry(ours, "test_x.py::test_teardown")["stdout"]


def scoped(scope: str) -> str:
    return f"""
import os, pytest
@pytest.fixture(scope="{scope}")
def bad():
    yield
    os._exit(8)
def test_a(bad): pass
def test_last(bad): pass
"""


@pytest.mark.parametrize("scope", ["module", "session"])
@pytest.mark.parametrize("workers", [1, 2])
def test_a_crash_in_a_later_tear_down_is_the_last_tests_error(
    scope: str, workers: int, tmp_path: Path
) -> None:
    # The file that sorts last, so that its fixtures go last in one worker too.
    ours = run(tmp_path, {"test_x.py": scoped(scope)}, workers=workers)
    assert ours.status == 1
    assert ours.outcomes["test_x.py::test_a"] == "passed"
    assert ours.outcomes["test_x.py::test_last"] == "error"
    assert "exited with status 8" in entry(ours, "test_x.py::test_last")["longrepr"]


@pytest.mark.parametrize("hook", ["pytest_sessionfinish", "pytest_unconfigure"])
def test_a_crash_at_the_sessions_end_is_the_last_tests_error(hook: str, tmp_path: Path) -> None:
    # In the worker only: xdist's guard, as suites have it.
    conftest = f"""
import os
def {hook}():
    if "PYTEST_XDIST_WORKER" in os.environ:
        os._exit(9)
"""
    ours = run(tmp_path, {"conftest.py": conftest, "test_x.py": "def test_x(): pass\n"}, workers=1)
    assert ours.status == 1
    assert "crashed while its session ended: exited with status 9" in ours.out


run_late = """
import atexit, ctypes
def test_x():
    atexit.register(ctypes.string_at, 0)
"""


def test_a_crash_after_the_session_is_a_warning_and_no_tests_fault(tmp_path: Path) -> None:
    suite = write_files(tmp_path, {"test_x.py": run_late})
    expected, ours = plain(suite), fastest(suite)
    assert expected.outcomes == ours.outcomes == {"test_x.py::test_x": "passed"}
    assert expected.status < 0  # what plain pytest tells: it was killed by a signal
    assert ours.status == 0, ours.out
    warnings = [warning["message"] for warning in ours.report["warnings"]]
    found = [text for text in warnings if "ended badly after its session" in text]
    assert len(found) == 1 and "killed by SIGSEGV" in found[0], warnings
    assert "ended badly after its session: killed by SIGSEGV" in ours.out


def test_a_file_that_kills_its_importer_is_one_error_with_stacks(tmp_path: Path) -> None:
    ours = run(tmp_path, {"test_x.py": "import ctypes\nctypes.string_at(0)\ndef test_x(): pass\n"})
    assert ours.status == 1
    assert ours.outcomes["test_x.py"] == "error"
    longrepr = entry(ours, "test_x.py")["longrepr"]
    assert "crashed while collecting 'test_x.py': killed by SIGSEGV" in longrepr
    assert 'test_x.py", line 2 in <module>' in longrepr


OOM = """
import os, pathlib, signal
def test_hungry():
    events = pathlib.Path(os.environ["EVENTS"])
    events.write_text("oom 1\\noom_kill 1\\n")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_kill_for_want_of_memory_is_called_so(tmp_path: Path) -> None:
    system = write_files(
        tmp_path / "system",
        {
            "proc/self/cgroup": "0::/box\n",
            "sys/fs/cgroup/box/memory.max": str(512 << 20),
            "sys/fs/cgroup/box/memory.events": "oom 0\noom_kill 0\n",
        },
    )
    events = system / "sys/fs/cgroup/box/memory.events"
    env = {"FASTEST_SYSTEM_ROOT": str(system), "EVENTS": str(events)}
    ours = run(tmp_path, {"test_x.py": OOM}, env=env)
    assert ours.outcomes["test_x.py::test_hungry"] == "failed"
    assert "killed by SIGKILL: out of memory (cgroup /box, limit 512 MiB) during call" in ours.out


def test_a_log_without_end_is_bounded(tmp_path: Path) -> None:
    text = """
import os
def test_shouts(capfd):
    with capfd.disabled():
        for number in range(2000):
            os.write(2, b"x" * 9999 + b"\\n")
        os.write(2, b"the very end\\n")
        os._exit(3)
"""
    ours = run(tmp_path, {"test_x.py": text}, workers=1)
    longrepr = entry(ours, "test_x.py::test_shouts")["longrepr"]
    assert longrepr.rstrip().endswith("the very end")
    assert len(longrepr) < 100_000
