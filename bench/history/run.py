#!/usr/bin/env python3
"""Measures what the history brings: a suite is run without one, then again, planned by the first
run. Prints a Markdown table; makespan and ideal are made of the report's own times. Usage:

    bench/history/run.py [--rounds N] [--workers N] [--bin DIR] [--python EXE] FOLDER [PATH]...

Idle: for how long, on average, a worker had not begun or had nothing left, which is what planning
can change; the rest between makespan and ideal is opening files, and pytest's work between tests.

FOLDER is where the suite is run, below it the paths that are given to fastest; its .fastest is
removed. Makespan: from the first test's start to the last one's end. Ideal: the time of all tests
over the workers, or the longest test; opening files is nobody's time there.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROW = "| {} | {} | {:.2f} | {:.2f} | {:.2f} | {:.3f} | {:.2f} | {} |"


def took(test: dict) -> float:
    return test["setup_s"] + test["call_s"] + test["teardown_s"]


def makespan(tests: list[dict]) -> float:
    first = min(test["start_s"] for test in tests)
    return max(test["start_s"] + took(test) for test in tests) - first


def ideal(tests: list[dict], workers: int) -> float:
    times = [took(test) for test in tests]
    return max(sum(times) / workers, max(times))


def idle(tests: list[dict], workers: int) -> float:
    begins: dict[int, float] = {}
    ends: dict[int, float] = {}
    for test in tests:
        slot, start = test["slot"], test["start_s"]
        begins[slot] = min(begins.get(slot, start), start)
        ends[slot] = max(ends.get(slot, 0), start + took(test))
    used = sum(ends[slot] - begins[slot] for slot in ends)
    return makespan(tests) - used / workers


def run(command: list[str], cwd: Path) -> tuple[float, dict]:
    """The wall time, and the report."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        # pytest clears away what older runs have left in a common place.
        env = {**os.environ, "PYTEST_DEBUG_TEMPROOT": folder}
        command = [*command, "--report-json", str(report)]
        begun = time.perf_counter()
        done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True)
        wall = time.perf_counter() - begun
        if not report.exists():
            sys.exit(f"{' '.join(command)}: status {done.returncode}\n{done.stdout}{done.stderr}")
        return wall, json.loads(report.read_text())


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--bin", type=Path, default=HERE.parents[1] / "build" / "release" / "bin")
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("folder", type=Path)
    parser.add_argument("paths", nargs="*")
    options = parser.parse_args()
    command = [str(options.bin.resolve() / "fastest-coord"), "run", "-n", str(options.workers)]
    command += ["--python", options.python, *options.paths]
    samples: dict[str, list[tuple[float, ...]]] = {"first": [], "second": []}
    outcomes: dict[str, str] = {}
    counts: dict[str, int] = {"first": 0, "second": 0}
    for _ in range(options.rounds):
        shutil.rmtree(options.folder / ".fastest", ignore_errors=True)
        for name, times in samples.items():
            wall, report = run(command, options.folder)
            tests = [test for test in report["tests"] if test["start_s"]]
            span, least = makespan(tests), ideal(tests, options.workers)
            times.append((wall, span, least, span / least, idle(tests, options.workers)))
            now = {test["nodeid"]: test["outcome"] for test in report["tests"]}
            counts[name] += sum(now.get(key) != value for key, value in outcomes.items())
            outcomes = now
    print("| run | tests | wall, s | makespan, s | ideal, s | ratio | idle, s | differences |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for name, times in samples.items():
        middle = [statistics.median(column) for column in zip(*times)]
        print(ROW.format(name, len(outcomes), *middle, counts[name]))


if __name__ == "__main__":
    main()
