"""What bash offers behind Tab, and zsh's functions where there is a zsh."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(os.environ.get("FASTEST_BIN", ROOT / "build" / "dev" / "bin"))
SCRIPTS = BIN.parent / "share" / "completion"
# As readline does: breaks the line into words, at "=" too, and calls the function.
ASK = """
. "$1"
COMP_WORDS=("${@:2}")
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
_fastest
printf '%s\\n' "${COMPREPLY[@]}"
"""


def offered(*words: str) -> list[str]:
    command = ["bash", "--norc", "-uc", ASK, "bash", str(SCRIPTS / "fastest.bash"), *words]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout.split()


@pytest.mark.parametrize(
    "line, expected",
    [
        ("fastest --maxf", ["--maxfail"]),
        ("fastest tests --dist loads", ["loadscope"]),
        ("fastest --tb = n", ["native", "no"]),
        ("fastest --color =", ["auto", "yes", "no"]),
        ("/usr/bin/fastest --help sch", ["scheduling"]),
        ("fastest -c pyt", []),
        ("fastest tests/te", []),
        ("fastest -- --maxf", []),
        ("fastest-coord his", ["history"]),
        ("fastest-coord cert i", ["init"]),
        ("fastest-coord cert agent x --d", ["--dir", "--days"]),
        ("fastest-agent --tls-s", ["--tls-server-name"]),
        ("fastest-coord history fl", ["flaky"]),
        ("fastest-coord history top --fo", ["--format"]),
        ("fastest-coord config s", ["show"]),
        ("fastest-coord config show --format j", ["json"]),
        ("fastest-coord discover --format c", ["count"]),
        ("fastest-coord run --order ", []),
        ("fastest-agent --worker-start f", ["fork"]),
        ("fastest-agent --conn", ["--connect"]),
    ],
)
def test_bash_offers_options_and_their_values(line: str, expected: list[str]) -> None:
    assert offered(*line.split(" ")) == expected


def test_bash_knows_all_three_programs() -> None:
    script = f". {SCRIPTS / 'fastest.bash'}; complete -p fastest fastest-coord fastest-agent"
    done = subprocess.run(["bash", "--norc", "-c", script], capture_output=True, text=True)
    lines = done.stdout.splitlines()
    assert len(lines) == 3 and all(" -F _fastest " in line for line in lines)


@pytest.mark.skipif(shutil.which("zsh") is None, reason="no zsh")
def test_zsh_takes_the_functions() -> None:
    subprocess.run(["zsh", "-n", str(SCRIPTS / "_fastest")], check=True)
