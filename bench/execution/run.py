#!/usr/bin/env python3
"""Measures fastest against plain pytest and pytest-xdist on trivial tests.

Makes suites of 10,000 tests in 200 files, and of 1, 20 and 200 tests, and runs
each way in turn, round after round, so that what else the machine does hits
all ways alike. Prints medians of wall and CPU time and the ratios to ours, as
a Markdown table. Usage:

    bench/execution/run.py [--rounds N] [--bin DIR] [--python EXE] [--only NAME]

The machine should be idle; the load average is printed with the results.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
SUITES = {"10000": (200, 50), "200": (4, 50), "20": (1, 20), "1": (1, 1)}  # files, tests in each
WAYS = ("plain", "xdist", "ours, --protocol pytest", "ours")

Sample = tuple[float, float]  # wall, CPU in seconds


def make_suite(root: Path, files: int, tests: int) -> Path:
    root.mkdir()
    for file in range(files):
        text = "".join(
            f"def test_{test}():\n    assert {test} + 1 == {test + 1}\n\n" for test in range(tests)
        )
        (root / f"test_f{file:03d}.py").write_text(text)
    return root


def command(way: str, options: argparse.Namespace) -> list[str]:
    pytest = [options.python, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    ours = [str(options.bin / "fastest-coord"), "run", "-q", "-n", "2", "--python", options.python]
    if way == "plain":
        return pytest
    if way == "xdist":
        return [*pytest, "-p", "xdist", "-n", "2"]
    return [*ours, "--protocol", "pytest"] if "--protocol" in way else ours


def measure(args: list[str], root: Path, tests: int, autoload: bool) -> Sample:
    """One run; ends the benchmark if the tests did not pass."""
    scratch = tempfile.mkdtemp(prefix="fastest-bench-")
    env = {
        k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "FASTEST_", "PYTHON"))
    }
    # Each run its own: removing older runs' directories would be measured too.
    env["PYTEST_DEBUG_TEMPROOT"] = scratch
    if not autoload:
        env["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(args, cwd=root, env=env, capture_output=True, text=True)
    wall = time.perf_counter() - begun
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    shutil.rmtree(scratch, ignore_errors=True)
    if done.returncode != 0 or f"{tests} passed" not in done.stdout:
        sys.exit(f"{' '.join(args)}: status {done.returncode}\n{done.stdout}{done.stderr}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall, cpu


def bench(name: str, root: Path, autoload: bool, options: argparse.Namespace) -> None:
    files, each = SUITES[name]
    samples: dict[str, list[Sample]] = {way: [] for way in WAYS}
    for _ in range(options.rounds):
        for way in WAYS:
            samples[way].append(measure(command(way, options), root, files * each, autoload))
    medians = {
        way: tuple(statistics.median(sample[i] for sample in taken) for i in (0, 1))
        for way, taken in samples.items()
    }
    wall, cpu = medians["ours"]
    plugins = "the machine's plugins" if autoload else "no plugins"
    print(f"\n{files * each} tests in {files} files, {plugins}\n")
    print("| | wall s | CPU s | wall, of ours | CPU, of ours |\n| --- | --- | --- | --- | --- |")
    for way in WAYS:
        own_wall, own_cpu = medians[way]
        print(
            f"| {way} | {own_wall:.2f} | {own_cpu:.2f} "
            f"| {own_wall / wall:.2f} | {own_cpu / cpu:.2f} |",
            flush=True,
        )


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    default = HERE.parents[1] / "build" / "release" / "bin"
    parser.add_argument("--bin", type=Path, default=default, help="where fastest-coord lies")
    parser.add_argument("--python", default="/usr/bin/python3", help="an interpreter with pytest")
    parser.add_argument("--only", choices=SUITES, action="append", help="suites (repeatable)")
    parser.add_argument("--no-autoload", action="store_true", help="only without plugins")
    return parser.parse_args()


def main() -> None:
    options = read_options()
    options.bin = options.bin.resolve()
    print(
        f"{time.strftime('%Y-%m-%d')}, {os.cpu_count()} CPUs, Python {platform.python_version()}, "
    )
    print(f"load average {os.getloadavg()[0]:.1f}, medians of {options.rounds} interleaved rounds")
    with tempfile.TemporaryDirectory(prefix="fastest-bench-") as scratch:
        for name in options.only or SUITES:
            root = make_suite(Path(scratch) / name, *SUITES[name])
            for autoload in (False,) if options.no_autoload else (False, True):
                bench(name, root, autoload, options)


if __name__ == "__main__":
    main()
