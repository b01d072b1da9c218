"""A machine that is short of something runs fewer workers, with the same verdict."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from runners import Ended, environment, fastest_command, plain, read_outcomes, write_files

TESTS = """
import pytest, time

@pytest.mark.parametrize("n", range(20))
def test_a(n):
    time.sleep(0.05)
    assert n != 7
"""


def run_with_descriptors(cwd: Path, most: int, workers: int) -> Ended:
    report = cwd.parent / "report.json"
    command = fastest_command("--report-json", str(report), workers=workers)
    done = subprocess.run(
        ["prlimit", f"--nofile={most}", *command],
        cwd=cwd,
        env=environment(PYTHONDONTWRITEBYTECODE="1"),
        capture_output=True,
        text=True,
        timeout=300,
    )
    found = json.loads(report.read_text()) if report.exists() else {"tests": []}
    return Ended(done.returncode, done.stdout, done.stderr, report=found)


def test_too_few_descriptors_for_all_workers(tmp_path: Path) -> None:
    suite = write_files(tmp_path / "suite", {f"test_{i}.py": TESTS for i in range(12)})
    expected = plain(suite)
    # How many a worker takes is no contract: from too few on, until some start.
    for most in range(24, 60, 2):
        ours = run_with_descriptors(suite, most, 8)
        if ours.status != 3:
            break
    assert read_outcomes(ours.report) == expected.outcomes, ours.out + ours.err
    assert ours.status == expected.status == 1
    assert ours.out.count("can't be started now") <= 1, ours.out
    assert "is given up" not in ours.out


def test_too_few_descriptors_for_any_worker(tmp_path: Path) -> None:
    suite = write_files(tmp_path / "suite", {"test_a.py": TESTS})
    ours = run_with_descriptors(suite, 20, 2)
    assert ours.status == 3, ours.out + ours.err
    assert "Too many open files" in ours.out + ours.err
