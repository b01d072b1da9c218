"""docs/farm.md on two machines: its commands run, what they print is as shown."""

from __future__ import annotations

import doctest
import os
import pty
import re
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from live import wait_for
from machines import Machines, machines, why_not
from runners import BIN, PYTHON, environment

PAGE = Path(__file__).resolve().parents[3] / "docs" / "farm.md"
BLOCK = re.compile(r"^```(\w+) (\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SCP = """#!/bin/sh
for word; do last=$word; done
while [ $# -gt 1 ]; do cp "$1" "$MACHINES/${last%%:*}/home/"; shift; done
"""

pytestmark = pytest.mark.skipif(bool(why_not()), reason=why_not())


@dataclass
class Command:
    """One that was started, and what it is to print."""

    text: str
    shown: str
    process: subprocess.Popen[bytes]
    out: Path
    screen: int | None = None  # the end of a terminal that is ours

    def printed(self) -> str:
        return self.out.read_text().replace("\r", "")

    def has_begun(self) -> bool:
        return self.process.poll() is not None or "listening at" in self.printed()

    def check(self) -> None:
        assert self.process.wait(timeout=60) == 0, self.printed()
        if self.screen is not None:
            self.out.write_bytes(os.read(self.screen, 65536))
        same = doctest.OutputChecker().check_output(
            steady(self.shown), steady(self.printed()), doctest.ELLIPSIS
        )
        assert same, f"$ {self.text}\n{self.printed()}\n--- shown:\n{self.shown}"


def steady(text: str) -> str:
    """Without what changes: times, and the lengths of the rules around them."""
    return re.sub(r"=+", "=", re.sub(r"\d+\.\d+s", "0s", text))


def commands_of(block: str) -> Iterator[tuple[str, str]]:
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        command, _, shown = part.partition("\n")
        yield command, shown


class Reader:
    """Follows the page: a command that listens goes on beside the next one."""

    def __init__(self, root: Path, place: Machines, stack: ExitStack) -> None:
        self.root, self.place, self.stack = root, place, stack
        self.beside: list[Command] = []
        self.ran = 0
        tools = root / "tools"
        tools.mkdir()
        (tools / "python3").symlink_to(PYTHON)
        (tools / "scp").write_text(SCP)
        (tools / "scp").chmod(0o755)
        for name in place.names:
            for folder in ("home", "project"):
                (root / name / folder).mkdir(parents=True)
        self.path = os.pathsep.join([str(tools), str(BIN), os.environ["PATH"]])

    def write(self, name: str, text: str) -> None:
        for machine in self.place.names:
            (self.root / machine / "project" / name).write_text(text)

    def start(self, machine: str, text: str, shown: str) -> Command:
        self.ran += 1
        out = self.root / f"out-{self.ran}"
        file = self.stack.enter_context(open(out, "wb"))
        screen = None
        if text.startswith("fastest-agent"):  # says more on a terminal
            screen, other = pty.openpty()
            self.stack.callback(os.close, screen)
            file = self.stack.enter_context(open(other, "wb"))
        process = subprocess.Popen(
            self.place.command(machine, ["bash", "-c", text]),
            cwd=self.root / machine / "project",
            env=environment(
                PATH=self.path,
                HOME=str(self.root / machine / "home"),
                MACHINES=str(self.root),
                PYTEST_DISABLE_PLUGIN_AUTOLOAD="1",
                PYTHONDONTWRITEBYTECODE="1",
            ),
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
        )

        def end() -> None:
            process.kill()
            process.wait()

        self.stack.callback(end)
        return Command(text, shown, process, out, screen)

    def follow(self, machine: str, text: str, shown: str) -> None:
        command = self.start(machine, text, shown)
        if "--listen" in text:
            wait_for("the port", command.has_begun)
            self.beside.append(command)
            return
        command.check()
        while self.beside:
            self.beside.pop().check()


def test_the_farm_page_is_true(tmp_path: Path) -> None:
    with ExitStack() as stack:
        place = stack.enter_context(machines("first", "second"))
        reader = Reader(tmp_path, place, stack)
        for kind, name, block in BLOCK.findall(PAGE.read_text()):
            if kind != "console":
                reader.write(name, block)
                continue
            for command, shown in commands_of(block):
                reader.follow(name, command, shown)
        assert not reader.beside
        assert reader.ran == 7
        wait_for("the end of all", lambda: not place.pids("first") + place.pids("second"))
