"""docs/tutorial.md: its files are written, its commands run, what they print is as shown."""

from __future__ import annotations

import doctest
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

from runners import BIN, PYTHON, environment

TUTORIAL = Path(__file__).resolve().parents[2] / "docs" / "tutorial.md"
BLOCK = re.compile(r"^```(\w+) ?(\S*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def commands_of(block: str) -> Iterator[tuple[str, str]]:
    """Each command of a console block, with what is shown below it."""
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        command, _, shown = part.partition("\n")
        yield command, shown


def steady(text: str) -> str:
    """Without what changes: times, and the lengths of the rules around them."""
    return re.sub(r"=+", "=", re.sub(r"\d+\.\d\d+s", "0s", text))


def call(command: str, cwd: Path) -> str:
    programs = cwd.parent / "bin"
    if not programs.exists():
        programs.mkdir()
        (programs / "python3").symlink_to(PYTHON)
    return subprocess.run(
        ["bash", "-c", command],
        cwd=cwd,
        env=environment(
            PATH=os.pathsep.join([str(programs), str(BIN), os.environ["PATH"]]),
            PYTEST_DISABLE_PLUGIN_AUTOLOAD="1",
            PYTEST_DEBUG_TEMPROOT=str(cwd.parent),
        ),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
    ).stdout


def test_the_tutorial_is_true(tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    ran = 0
    for kind, name, block in BLOCK.findall(TUTORIAL.read_text()):
        if kind != "console":
            file = project / name
            file.parent.mkdir(exist_ok=True)
            file.write_text(block)
            continue
        for command, shown in commands_of(block):
            printed = call(command, project)
            ran += 1
            same = doctest.OutputChecker().check_output(
                steady(shown), steady(printed), doctest.ELLIPSIS
            )
            assert same, f"$ {command}\n{printed}\n--- shown:\n{shown}"
    assert ran > 10
