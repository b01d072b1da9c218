#!/usr/bin/env python3
"""Memory of N workers on a suite whose conftest imports numpy and pandas: PSS of all processes of
a run, in MB, fastest with forked and with cold workers against `pytest -n N`, and the ratios.

usage: memory.py BIN [N ...]     BIN: the folder of fastest-coord
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PYTHON = os.environ.get("FASTEST_TEST_PYTHON", "/usr/bin/python3")
# Each test says that its process is there, and stays until it has been measured.
TEST = """
import os, pathlib, time
def test_stays():
    here = pathlib.Path(__file__).parent
    (here / ("there-%d" % os.getpid())).touch()
    while not (here / "measured").exists():
        time.sleep(0.02)
"""


def children() -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        found.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    return found


def pss_of_tree(pid: int) -> int:
    """KiB of the process and all that descend from it."""
    tree, total, waiting = children(), 0, [pid]
    while waiting:
        one = waiting.pop()
        waiting += tree.get(one, [])
        try:
            rollup = Path(f"/proc/{one}/smaps_rollup").read_text()
        except OSError:
            continue
        total += sum(int(line.split()[1]) for line in rollup.splitlines() if line[:4] == "Pss:")
    return total


def measure(command: list[str], workers: int, env: dict[str, str]) -> float:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "conftest.py").write_text("import numpy, pandas\n")
        for n in range(4 * workers):
            (root / f"test_{n}.py").write_text(TEST)
        full_env = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", **env}
        process = subprocess.Popen(command, cwd=root, env=full_env, stdout=subprocess.DEVNULL)
        while len(list(root.glob("there-*"))) < workers:
            if process.poll() is not None:
                raise SystemExit(f"{command[0]} ended before {workers} workers were there")
            time.sleep(0.05)
        size = pss_of_tree(process.pid)
        (root / "measured").touch()
        process.wait()
        return size / 1024


def main() -> None:
    programs = Path(sys.argv[1]).resolve()
    for workers in [int(text) for text in sys.argv[2:]] or [2, 8]:
        ours = [str(programs / "fastest-coord"), "run", "--python", PYTHON, "-n", str(workers)]
        xdist = [PYTHON, "-m", "pytest", "-p", "xdist", "-n", str(workers)]
        forked = measure(ours, workers, {"FASTEST_WORKER_START": "fork"})
        cold = measure(ours, workers, {"FASTEST_WORKER_START": "cold"})
        theirs = measure(xdist, workers, {})
        print(
            f"{workers} workers: forked {forked:.0f} MB, cold {cold:.0f} MB, xdist {theirs:.0f} MB;"
            f" forked/xdist {forked / theirs:.2f}, forked/cold {forked / cold:.2f}"
        )


if __name__ == "__main__":
    main()
