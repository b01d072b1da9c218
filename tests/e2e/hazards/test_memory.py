"""Memory is bounded by running fewer tests at once, never by another verdict."""

from __future__ import annotations

import subprocess
from pathlib import Path
from textwrap import dedent

import pytest
from runners import BIN, Ended, fastest, plain, write_files

HELPERS = """
import time

def have(mib):
    return b"x" * (mib << 20)
"""

# A worker with the machine's plugins takes 30 to 50 MiB by itself.
SMALL_TESTS = """
import pytest, time
from helpers import have

@pytest.mark.parametrize("n", range(80))
def test_small(n):
    time.sleep(0.05)
"""


def write_suite(root: Path, **files: str) -> None:
    texts = {f"{name}.py": dedent(text) for name, text in files.items()}
    write_files(root, {"helpers.py": HELPERS, **texts})


def compare(root: Path, *args: str, workers: int = 2, env: dict[str, str] | None = None) -> Ended:
    """Ours, whose verdict is plain pytest's."""
    expected = plain(root)
    ours = fastest(root, *args, workers=workers, env=env)
    assert ours.outcomes == expected.outcomes, ours.out + ours.err
    assert ours.status == expected.status, ours.out + ours.err
    return ours


def span(report: dict, nodeid: str) -> tuple[float, float]:
    """When the test began and ended."""
    test = next(test for test in report["tests"] if test["nodeid"] == nodeid)
    took = test["setup_s"] + test["call_s"] + test["teardown_s"]
    return test["start_s"], test["start_s"] + took


def pids(report: dict) -> set[int]:
    return {test["worker_pid"] for test in report["tests"]}


@pytest.mark.parametrize("size", ["12", "lots", "0%", "101%", "4X", "-1G"])
def test_a_size_that_makes_no_sense_is_one_line(tmp_path: Path, size: str) -> None:
    write_files(tmp_path, {"test_a.py": "def test_a(): pass\n"})
    ended = fastest(tmp_path, f"--max-memory={size}")
    assert ended.status == 4
    assert ended.err.count("\n") == 1, ended.err
    assert f'--max-memory: "{size}" is not accepted' in ended.err


def test_an_agent_takes_a_size_too() -> None:
    command = [str(BIN / "fastest-agent"), "--connect", "ipc:///nowhere", "--max-memory", "12"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 4
    assert "expected a size" in done.stderr


def test_two_tests_that_do_not_fit_together_run_one_after_the_other(tmp_path: Path) -> None:
    # The first shows by how much a test can grow while the other file's small
    # ones run; then that file's large one must wait.
    write_suite(
        tmp_path,
        test_a="""
            import time
            from helpers import have

            def test_big():
                keep = have(120)
                time.sleep(2)
            """,
        test_b=SMALL_TESTS + "\ndef test_big():\n    keep = have(120)\n    time.sleep(1)\n",
    )
    ours = compare(tmp_path, "--max-memory=260M")
    assert "memory is short: gw" in ours.out
    one, other = (span(ours.report, f"test_{name}.py::test_big") for name in "ab")
    assert one[1] <= other[0] or other[1] <= one[0]


def test_a_test_above_the_bound_goes_on_alone(tmp_path: Path) -> None:
    big = """
        import time
        from helpers import have

        def test_big():
            keep = have(150)
            time.sleep(2)

        def test_after():
            assert False
        """
    write_suite(tmp_path, test_a=big, test_b=SMALL_TESTS)
    ours = compare(tmp_path, "--max-memory=120M")
    assert "more than their bound of 120 MiB" in ours.out
    assert "test_a.py::test_big" in ours.out


@pytest.mark.parametrize("workers", [1, 2])
def test_a_worker_that_keeps_memory_is_replaced(tmp_path: Path, workers: int) -> None:
    leak = """
        import pytest, time
        from helpers import have

        kept = []

        @pytest.mark.parametrize("n", range(20))
        def test_leak(n):
            kept.append(have(20))
            time.sleep(0.3)
        """
    write_suite(tmp_path, test_a=leak)
    ours = compare(tmp_path, "--max-memory=150M", workers=workers)
    assert len(pids(ours.report)) > workers


CGROUPS = {
    "v2": {"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/memory.max": "200000000\n"},
    "v2 high": {"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/b/memory.high": "200000000\n"},
    "v1": {
        "proc/self/cgroup": "4:cpu,memory:/a/b\n0::/\n",
        "sys/fs/cgroup/memory/a/memory.limit_in_bytes": "200000000\n",
    },
}


@pytest.mark.parametrize("kind", CGROUPS)
def test_a_cgroup_bounds_the_workers(tmp_path: Path, kind: str) -> None:
    system = write_files(tmp_path / "system", CGROUPS[kind])
    suite = tmp_path / "suite"
    big = """
        import time
        from helpers import have

        def test_big():
            keep = have(150)
            time.sleep(2)
        """
    write_suite(suite, test_a=big, test_b=SMALL_TESTS)
    ours = compare(suite, env={"FASTEST_SYSTEM_ROOT": str(system)})
    # 80 per cent of it.
    assert "of 153 MiB" in ours.out
