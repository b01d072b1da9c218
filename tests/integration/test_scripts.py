"""The set-up and test scripts answer what they are not asked to do at once."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ["deploy/quickstart.sh", "tests/run.sh"]


def call(script: str, option: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(ROOT / script), option], cwd=cwd, capture_output=True, text=True, timeout=60
    )


@pytest.mark.parametrize("script", SCRIPTS)
def test_help_is_shown_from_any_directory(script: str, tmp_path: Path) -> None:
    done = call(script, "--help", tmp_path)
    assert done.returncode == 0
    assert done.stdout.startswith(f"usage: {script} ")
    assert done.stderr == ""


@pytest.mark.parametrize("script", SCRIPTS)
def test_an_unknown_option_is_one_line_and_exit_4(script: str, tmp_path: Path) -> None:
    done = call(script, "--nope", tmp_path)
    assert done.returncode == 4
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert "'--nope'" in done.stderr
