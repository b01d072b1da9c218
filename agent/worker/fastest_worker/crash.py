"""What the agent needs to tell how this process hung or died: the stacks of its threads, and the
files in which pytest has captured what the running test wrote."""

from __future__ import annotations

import faulthandler
import os
import signal
from typing import Any, List

from fastest_worker.pipe import move_up

# The agent's question where everybody stands. A real-time signal: tests and libraries take
# SIGUSR1, SIGUSR2, SIGALRM, SIGQUIT for themselves.
STACKS_SIGNAL = signal.SIGRTMAX - 1


def show_stacks() -> None:
    """Writes the stacks of all threads to the log when this process dies by a signal such as
    SIGSEGV, and when the agent asks. Both work without the interpreter's help, also while a
    thread holds its lock for ever. The handler isn't chained: before it there was the default
    action, which would end the process."""
    log = move_up(os.dup(2))
    faulthandler.enable(file=log)
    faulthandler.register(STACKS_SIGNAL, file=log, all_threads=True, chain=False)


def capture_files(config: Any) -> List[int]:
    """Descriptors of the files that capture standard output and error (--capture=fd), or []."""
    manager = config.pluginmanager.getplugin("capturemanager")
    capturing = getattr(manager, "_global_capturing", None)
    found: List[int] = []
    for stream in (getattr(capturing, "out", None), getattr(capturing, "err", None)):
        try:
            found.append(stream.tmpfile.fileno())
        except (AttributeError, OSError, ValueError):  # of another kind, or closed
            return []
    return found
