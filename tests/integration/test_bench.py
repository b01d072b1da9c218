"""bench/transport runs, and its tables have a figure in each place."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

RUN = Path(__file__).resolve().parents[2] / "bench" / "transport" / "run.py"


def test_three_simulated_agents_are_measured(tmp_path: Path) -> None:
    command = [sys.executable, str(RUN), "--rounds", "1", "--agents", "3", "--results", "600"]
    env = {**os.environ, "TMPDIR": str(tmp_path)}
    command += ["--bin", os.environ["FASTEST_BIN"]]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = [line for line in done.stdout.splitlines() if "| 3 |" in line]
    assert len(rows) == 7, done.stdout  # two of the sink, three of whole runs, two of waits
    assert all(re.fullmatch(r"(\| [\w +,.]+ )+\|", row) for row in rows), done.stdout
    assert not list(tmp_path.iterdir())
