"""Odd surroundings: descriptors that are closed, a full disk, paths that are too long."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from runners import environment, fastest_command, write_files

ONE = "def test_one(tmp_path):\n    (tmp_path / 'a').write_text('b')\n"


def run(cwd: Path, shell: str, *args: str, **env: str) -> subprocess.CompletedProcess[str]:
    """`exec fastest-coord run ...` with what the shell does around it."""
    command = ["bash", "-c", shell, "bash", *fastest_command("-q", *args)]
    return subprocess.run(command, cwd=cwd, env=environment(**env), capture_output=True, text=True)


def test_closed_descriptors_and_a_long_tmpdir_change_no_verdict(tmp_path: Path) -> None:
    """What would get their numbers: libuv ends the program that closes one."""
    write_files(tmp_path, {"test_a.py": ONE})
    long = tmp_path / ("a" * 100) / ("b" * 100)  # no socket's path fits
    long.mkdir(parents=True)
    target, link = tmp_path / "report.json", tmp_path / "link"
    link.symlink_to(target)
    shell = 'exec "$@" <&- >&- 2>&-'
    done = run(tmp_path, shell, "--report-json", str(link), TMPDIR=str(long))
    assert done.returncode == 0
    assert link.is_symlink()
    assert json.loads(target.read_text())["summary"]["passed"] == 1


def test_a_full_disk_is_one_line_and_not_success(tmp_path: Path) -> None:
    write_files(tmp_path, {"test_a.py": ONE})
    done = run(tmp_path, 'exec "$@" > /dev/full')
    line = "ERROR: cannot write to standard output: No space left on device\n"
    assert (done.returncode, done.stderr) == (3, line)
    full = tmp_path / "full"
    full.symlink_to("/dev/full")
    done = run(tmp_path, 'exec "$@"', "--report-json", str(full))
    line = f"ERROR: cannot write the report {full}: No space left on device\n"
    assert (done.returncode, done.stderr) == (3, line)
    assert full.is_char_device()
    done = run(tmp_path, 'ulimit -f 0; exec "$@"')
    assert done.returncode not in (0, 1) and done.returncode < 128
    assert "a page for a worker: File too large" in done.stdout
