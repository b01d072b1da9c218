#!/usr/bin/env python3
"""Measures what history and journal cost: the store alone (store_bench), then the CPU time of the
coordinator's process in runs of 10,000 trivial tests, with a history, with --durable and without
one, in turn. Prints Markdown tables. Usage:

    bench/store/run.py [--rounds N] [--bin DIR] [--python EXE]
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
FILES, EACH = 200, 50
WAYS = {"history": [], "--durable": ["--durable"], "--no-history": ["--no-history"]}


def make_suite(root: Path) -> Path:
    root.mkdir()
    text = "".join(f"def test_{test}():\n    pass\n\n" for test in range(EACH))
    for file in range(FILES):
        (root / f"test_f{file:03d}.py").write_text(text)
    return root


def cpu_s(command: list[str], cwd: Path) -> float:
    """CPU time of the process itself, without those that it has started."""
    with tempfile.TemporaryFile("w+") as out:
        process = subprocess.Popen(command, cwd=cwd, stdout=out, stderr=out)
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
        if process.wait() != 0:
            out.seek(0)
            sys.exit(f"{' '.join(command)}: status {process.returncode}\n{out.read()}")
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--bin", type=Path, default=HERE.parents[1] / "build" / "release" / "bin")
    parser.add_argument("--python", default=sys.executable)
    options = parser.parse_args()
    subprocess.run([options.bin / "store_bench"], check=True)
    samples: dict[str, list[float]] = {way: [] for way in WAYS}
    with tempfile.TemporaryDirectory() as folder:
        root = make_suite(Path(folder) / "suite")
        command = [str(options.bin / "fastest-coord"), "run", "-q", "-n", "2"]
        command += ["--python", options.python]
        cpu_s(command, root)  # the others meet a history
        for _ in range(options.rounds):
            for way, more in WAYS.items():
                samples[way].append(cpu_s(command + more, root))
    print("\n| coordinator | CPU, s | µs a result |\n| --- | --- | --- |")
    for way, taken in samples.items():
        middle = statistics.median(taken)
        print(f"| {way} | {middle:.2f} | {middle / (FILES * EACH) * 1e6:.0f} |")
    print("\nload average:", *os.getloadavg())


if __name__ == "__main__":
    main()
