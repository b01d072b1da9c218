"""What a terminal shows of a run: the live block while it lasts, nothing of it afterwards."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
from pathlib import Path
from typing import Callable

import pyte
from runners import environment, fastest, fastest_command, write_files

# Tests wait for a file that the test of the screen makes when it has seen enough.
WAITING = """
import pathlib, pytest, time
HERE = pathlib.Path(__file__).parent

def wait_for(name):
    while not (HERE / name).exists():
        time.sleep(0.02)

@pytest.mark.parametrize("n", range(30))
def test_quick(n): pass

def test_fails(): assert 1 == 2

def test_waits(): wait_for("go")
"""


class Screen:
    """A run on a pseudo-terminal, and a terminal emulator that is fed what it writes."""

    def __init__(self, cwd: Path, *args: str, **env: str) -> None:
        self.screen = pyte.HistoryScreen(80, 24, history=1000)
        self.stream = pyte.ByteStream(self.screen)
        self.bytes = b""
        self.ours, theirs = pty.openpty()
        self.resize(80)
        full_env = environment(TERM="xterm", PYTEST_DISABLE_PLUGIN_AUTOLOAD="1", **env)
        del full_env["COLUMNS"]
        command = fastest_command("-p", "no:cacheprovider", *args, workers=1)
        # A session of its own, whose terminal is the pseudo-terminal: ^C is the terminal's.
        self.process = subprocess.Popen(
            ["setsid", "--ctty", *command],
            cwd=cwd,
            env=full_env,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
        )
        os.close(theirs)

    def resize(self, columns: int) -> None:
        size = struct.pack("HHHH", 24, columns, 0, 0)
        fcntl.ioctl(self.ours, termios.TIOCSWINSZ, size)
        self.screen.resize(24, columns)

    def read(self) -> bool:
        """False: the run has closed its terminal."""
        ready, _, _ = select.select([self.ours], [], [], 60)
        assert ready, self.text
        try:
            data = os.read(self.ours, 65536)
        except OSError:  # EIO: nobody has it open any more
            return False
        self.bytes += data
        self.stream.feed(data)
        return bool(data)

    def wait(self, until: Callable[[str], object]) -> None:
        while not until(self.text):
            assert self.read(), self.text

    def end(self) -> int:
        while self.read():
            pass
        os.close(self.ours)
        return self.process.wait(60)

    @property
    def text(self) -> str:
        above = [
            "".join(line[x].data for x in range(self.screen.columns)).rstrip()
            for line in self.screen.history.top
        ]
        return "\n".join(above + [line.rstrip() for line in self.screen.display]).rstrip()


def without_times(text: str) -> str:
    return re.sub(r" in \d+\.\d\ds ", " in 0.00s ", text.strip())


def test_a_live_block_comes_and_leaves_nothing_behind(tmp_path: Path) -> None:
    write_files(tmp_path, {"test_a.py": WAITING})
    run = Screen(tmp_path, "--no-header", "--no-history", LC_ALL="C.UTF-8")
    run.wait(lambda text: re.search(r"^gw0  \d+s  test_a.py::test_waits$", text, re.M))
    assert re.search(r"^━+─  31/32  1 failed  \d+s$", run.text, re.M)
    assert f"\n.{'.' * 29}F\n━" in run.text
    (tmp_path / "go").touch()
    assert run.end() == 1
    ours = fastest(tmp_path, "--no-header", "--no-history", "-p", "no:cacheprovider", workers=1)
    assert without_times(run.text) == without_times(ours.out)
    assert "\x1b" not in ours.out


def test_an_interrupt_on_a_terminal_loses_nothing(tmp_path: Path) -> None:
    write_files(tmp_path, {"test_a.py": WAITING})
    run = Screen(tmp_path, "--no-header", LC_ALL="C", NO_COLOR="1")
    run.wait(lambda text: re.search(r"^=+-  31/32  1 failed  \d+s$", text, re.M))
    run.resize(40)
    run.wait(lambda text: re.search(r"^=+-+  31/32  1 failed  \d+s$", text, re.M))
    run.wait(lambda text: re.search(r"^gw0  \d+s  test_a.py::test_waits$", text, re.M))
    os.write(run.ours, b"\x03")
    assert run.end() == 2
    assert "31/32" not in run.text and "gw0" not in run.text
    assert "FAILED test_a.py::test_fails" in run.text
    assert re.search(r"^=+ 1 failed, 30 passed, 1 not run in", run.text, re.M)
    assert run.bytes.isascii() and not re.search(rb"\x1b\[\d+m", run.bytes)
