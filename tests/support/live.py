"""A fastest run that a test watches and disturbs while it goes on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from runners import environment, fastest_command, read_outcomes

PATIENCE_S = 60.0


def wait_for(what: str, condition: Callable[[], object]) -> object:
    """The condition's first true answer; fails the test after a minute."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        answer = condition()
        if answer:
            return answer
        time.sleep(0.01)
    raise AssertionError(f"waited {PATIENCE_S:g} s in vain for: {what}")


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


class Run:
    """A started `fastest-coord run`; its tests tell their pids through files."""

    def __init__(self, cwd: Path, *args: str, workers: int = 2) -> None:
        self.cwd = cwd
        self.report_path = cwd / "live-report.json"
        command = fastest_command("--report-json", str(self.report_path), *args, workers=workers)
        self.process = subprocess.Popen(
            command,
            cwd=cwd,
            # A killed coordinator leaves its socket's folder behind: it goes with the test's.
            env=environment(
                PYTEST_DEBUG_TEMPROOT=str(cwd),
                PYTHONDONTWRITEBYTECODE="1",
                TMPDIR=str(cwd),
                XDG_RUNTIME_DIR="",
            ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def children(self, pid: int | None = None) -> list[int]:
        """Child processes, by the kernel's list."""
        pid = pid or self.process.pid
        try:
            text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
        except (FileNotFoundError, ProcessLookupError):
            return []
        return [int(word) for word in text.split()]

    def agent(self) -> int:
        return int(wait_for("the agent", self.children)[0])  # type: ignore[index]

    def wait_file(self, name: str) -> str:
        """The text of a file that a test writes below the project."""
        path = self.cwd / name
        return str(wait_for(f"{name}", lambda: path.exists() and path.read_text()))

    def end(self) -> tuple[int, str, dict[str, str]]:
        """(exit status, output, outcomes) once it has ended by itself."""
        out, _ = self.process.communicate(timeout=PATIENCE_S)
        report = json.loads(self.report_path.read_text())
        return self.process.returncode, out, read_outcomes(report)

    def report(self) -> dict:
        return json.loads(self.report_path.read_text())


@contextmanager
def running(cwd: Path, *args: str, workers: int = 2) -> Iterator[Run]:
    run = Run(cwd, *args, workers=workers)
    try:
        yield run
    finally:
        if run.process.poll() is None:
            os.kill(run.process.pid, signal.SIGKILL)
            run.process.communicate()
