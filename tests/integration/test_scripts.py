"""The set-up and test scripts answer what they are not asked to do at once."""

from __future__ import annotations

import os
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


def write_command(folder: Path, name: str, body: str) -> None:
    command = folder / name
    command.write_text(f"#!/bin/sh\n{body}\n")
    command.chmod(0o755)


def test_packages_that_dpkg_has_never_heard_of_are_installed(tmp_path: Path) -> None:
    write_command(tmp_path, "dpkg-query", "echo ii libuv1-dev; exit 1")
    write_command(tmp_path, "apt-get", f'echo "$@" >>{tmp_path}/asked')
    write_command(tmp_path, "npm", ":")
    write_command(tmp_path, "id", "echo 0")
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", ". deploy/packages.sh; fst_install build; echo went on"],
        cwd=ROOT,
        env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    said, last = done.stdout.splitlines()
    assert said.startswith("installing: gcc ") and last == "went on"
    asked = (tmp_path / "asked").read_text().split()
    assert asked[0] == "install" and {"gcc", "cmake"} < set(asked)
    assert "libuv1-dev" not in asked and "npm" not in asked
