"""--retries and --fail-flaky: what passes in the end, what is said of it, what stays bad."""

from __future__ import annotations

from pathlib import Path

import pytest
from runners import Ended, fastest, write_files

# nth() counts how often a test has really been run, over processes.
FLAKY = """
import os, pathlib, pytest, unittest

def nth(name):
    path = pathlib.Path(__file__).with_name(f"count-{name}-{os.environ['FASTEST_RUN_ID']}")
    with path.open("a") as file:
        file.write("x")
    return path.stat().st_size

@pytest.fixture
def set_up():
    if nth("set-up") < 2:
        raise ValueError("not yet")

@pytest.fixture
def tear_down():
    yield
    if nth("tear-down") < 2:
        raise ValueError("not yet")

def test_good(): nth("good")
@pytest.mark.parametrize("n", [1, 2])
def test_number(n): assert nth(f"number-{n}") > n
def test_set_up(set_up): pass
def test_tear_down(tear_down): pass
def test_crash():
    if nth("crash") < 2:
        os._exit(3)
class TestUnit(unittest.TestCase):
    @classmethod
    def setUpClass(cls): cls.ready = True
    def test_first(self): pass
    def test_unit(self):
        assert self.ready
        self.assertGreater(nth("unit"), 1)
    def test_last(self): pass
@pytest.mark.skip
def test_skip(): pass
@pytest.mark.xfail
def test_xfail(): assert nth("xfail") != 1
def test_bad(): assert nth("bad") == 0
"""


def attempts(ended: Ended, name: str) -> list[tuple[str, str]]:
    """(outcome, reason) of a test's attempts."""
    test = next(x for x in ended.report["tests"] if x["nodeid"].endswith(name))
    return [(attempt["outcome"], attempt["reason"]) for attempt in test["attempts"]]


def counted(path: Path, name: str) -> int:
    return sum(file.stat().st_size for file in path.glob(f"count-{name}-*"))


@pytest.mark.parametrize("workers", [0, 2])
def test_what_passes_on_a_retry_has_passed_and_is_flaky(tmp_path: Path, workers: int) -> None:
    write_files(tmp_path, {"test_a.py": FLAKY})
    # Without --confirm each run of a test is an attempt, so that the counts say how many.
    args = ("--retries", "2", "--confirm", "none")
    ours = fastest(tmp_path, *args, workers=workers)
    names = {name.split("::", 1)[1]: outcome for name, outcome in ours.outcomes.items()}
    assert names == {
        "test_good": "passed",
        "test_number[1]": "passed",
        "test_number[2]": "passed",
        "test_set_up": "passed",
        "test_tear_down": "passed",
        "test_crash": "passed",
        "TestUnit::test_first": "passed",
        "TestUnit::test_unit": "passed",
        "TestUnit::test_last": "passed",
        "test_skip": "skipped",
        "test_xfail": "xfailed",
        "test_bad": "failed",
    }
    retry = ("passed", "retry")
    assert attempts(ours, "test_good") == [("passed", "first")]
    assert attempts(ours, "test_number[1]") == [("failed", "first"), retry]
    assert attempts(ours, "test_number[2]") == [("failed", "first"), ("failed", "retry"), retry]
    assert attempts(ours, "test_set_up") == [("error", "first"), retry]
    assert attempts(ours, "test_tear_down") == [("error", "first"), retry]
    assert attempts(ours, "test_crash") == [("failed", "first"), retry]
    assert attempts(ours, "test_unit") == [("failed", "first"), retry]
    assert attempts(ours, "test_bad")[1:] == [("failed", "retry")] * 2
    assert counted(tmp_path, "xfail") == counted(tmp_path, "good") == 1
    assert ours.status == 1
    assert ours.report["summary"]["flaky"] == 6
    assert "6 flaky" in ours.last_line
    named = [line.split()[1] for line in ours.out.splitlines() if line.startswith("FLAKY ")]
    assert sorted(named) == [
        "test_a.py::TestUnit::test_unit",
        "test_a.py::test_crash",
        "test_a.py::test_number[1]",
        "test_a.py::test_number[2]",
        "test_a.py::test_set_up",
        "test_a.py::test_tear_down",
    ]


def test_flaky_tests_alone_are_no_failure_unless_asked(tmp_path: Path) -> None:
    write_files(tmp_path, {"test_a.py": FLAKY})
    args = ("-k", "number", "--retries", "2")
    assert fastest(tmp_path, *args).status == 0
    assert fastest(tmp_path, *args, "--fail-flaky").status == 1
    assert fastest(tmp_path, "-k", "good", "--retries", "2", "--fail-flaky").status == 0


def test_a_retry_never_runs_in_the_process_that_saw_the_failure(tmp_path: Path) -> None:
    text = (
        "import os, pathlib\n"
        "def test_a():\n"
        "    with pathlib.Path(__file__).with_name('pids').open('a') as file:\n"
        "        file.write(f\"{os.getpid()} {os.environ['FASTEST_ATTEMPT']}\\n\")\n"
        "    assert 0\n"
    )
    write_files(tmp_path, {"test_a.py": text})
    for workers in (1, 2):
        ours = fastest(tmp_path, "--retries", "3", workers=workers)
        assert ours.outcomes == {"test_a.py::test_a": "failed"}
        lines = [line.split() for line in (tmp_path / "pids").read_text().splitlines()]
        pids = [pid for pid, _ in lines]
        assert [attempt for _, attempt in lines] == ["1", "2", "3", "4"]
        assert all(one != other for one, other in zip(pids, pids[1:]))
        (tmp_path / "pids").unlink()


def test_exitfirst_counts_what_no_retry_saved(tmp_path: Path) -> None:
    write_files(tmp_path, {"test_a.py": FLAKY})
    ours = fastest(tmp_path, "-x", "--retries", "2", "-k", "number or good", workers=1)
    assert ours.status == 0, ours.out
    ours = fastest(tmp_path, "-x", "--retries", "1", "-k", "bad", workers=1)
    assert ours.status == 1
    assert len(attempts(ours, "test_bad")) == 2
    assert "stopping after 1 failures" in ours.out


def test_class_and_module_fixtures_are_set_up_for_a_retry(tmp_path: Path) -> None:
    text = FLAKY + (
        "@pytest.fixture(scope='module')\n"
        "def module(): return []\n"
        "@pytest.fixture(scope='class')\n"
        "def cls(module): module.append('class'); return module\n"
        "class TestShared:\n"
        "    def test_one(self, cls): pass\n"
        "    def test_two(self, cls):\n"
        "        assert cls == ['class']\n"
        "        assert nth('shared') > 1\n"
    )
    write_files(tmp_path, {"test_a.py": text})
    for workers in (1, 2):
        ours = fastest(tmp_path, "--retries", "1", "-k", "Shared", workers=workers)
        assert ours.status == 0, ours.out
        assert ours.report["summary"]["flaky"] == 1


def test_ids_that_differ_between_processes_are_found_again(tmp_path: Path) -> None:
    text = FLAKY + (
        "@pytest.mark.parametrize('n', [0, 1], ids=[f'{os.getpid()}-{n}' for n in range(2)])\n"
        "def test_pid(n): assert nth(f'pid-{n}') > 1\n"
    )
    write_files(tmp_path, {"test_a.py": text})
    ours = fastest(tmp_path, "--retries", "1", "--confirm", "none", "-k", "pid", workers=1)
    assert set(ours.outcomes.values()) == {"passed"}, ours.out
    assert ours.report["summary"]["flaky"] == 2


def test_retries_are_bounded(tmp_path: Path) -> None:
    write_files(tmp_path, {"test_a.py": FLAKY})
    ours = fastest(tmp_path, "--retries", "101")
    assert ours.status == 4
    assert "--retries" in ours.err
