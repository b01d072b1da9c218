"""The worker's life: one pytest session whose run loop takes leases from the pipe."""

from __future__ import annotations

import os
import sys
from typing import Any

from fastest_worker import live
from fastest_worker import pipe as wire

OLDEST = (7, 0)


def fail(pipe: wire.Pipe, slot: int, text: str, exit_code: int) -> None:
    """Every worker would fail alike: the run ends with this text and code."""
    message = {"slot": slot, "state": "fatal", "pid": os.getpid()}
    message.update(text=wire.clean(text.rstrip("\n")), exit_code=exit_code)
    pipe.send(wire.STATE, message)


def why_unfit() -> str:
    """What keeps this interpreter from being a worker's, or ""."""
    install = "install it there (python -m pip install pytest), or name another with --python"
    try:
        import pytest
    except ImportError as error:
        if error.name == "_pytest._version":
            return (
                f"{sys.executable} has a source tree of pytest without _pytest/_version.py, which "
                "its build makes: install it there (python -m pip install -e TREE)"
            )
        if error.name not in ("pytest", "_pytest"):
            return f"{sys.executable} can't import pytest: {error}"
        return f"{sys.executable} has no pytest: {install}"
    found = getattr(pytest, "__version__", "0")
    numbers = tuple(int(part) for part in found.split(".")[:2] if part.isdigit())
    if (1,) <= numbers < OLDEST:
        return f"{sys.executable} has pytest {found}, but 7.0 is the oldest that works: {install}"
    return ""


def main(pipe_fd: int, page_fd: int, main_module: Any) -> int:
    """Works until the agent says DRAIN or is gone; the process's exit status."""
    pipe = wire.Pipe(pipe_fd, page_fd)
    backlog = pipe.receive(block=True)
    if not backlog:
        return 1
    welcome = backlog.pop(0)[1]
    slot = welcome["slots"][0]
    unfit = why_unfit()
    if unfit:
        fail(pipe, slot, unfit, 4)
        return 4
    import pytest

    # What is re-imported as the main module by children that multiprocessing spawns.
    main_module.__file__ = os.path.join(os.path.dirname(pytest.__file__), "__main__.py")
    args = list(welcome["config"]["args"])
    sys.argv[1:] = args
    from fastest_worker import crash
    from fastest_worker.host import Host
    from fastest_worker.session import Worker

    crash.show_stacks()
    if welcome["config"].get("live"):
        pipe.marker = live.begin()
    worker: Worker
    if welcome.get("host"):
        worker = Host(pipe, welcome, backlog)
    else:
        worker = Worker(pipe, welcome, backlog)
    try:
        status = int(pytest.main(args, plugins=[worker]))
    except BaseException as error:
        # Before the session: a plugin that can't be imported. At its end: pytest_sessionfinish
        # or pytest_unconfigure raised, and the last test is blamed.
        if worker.runner is None:  # the host has none, and no test to blame
            import traceback

            code = error.code if isinstance(error, SystemExit) else 1
            status = code if isinstance(code, int) and code else 1
            fail(
                pipe,
                slot,
                "".join(traceback.format_exception(None, error, error.__traceback__)),
                status,
            )
            return status
        # Who closed the pipe has closed files of pytest's as well.
        blamed = pipe.cut or isinstance(error, KeyboardInterrupt) or worker.runner.blame_last(error)
        if not blamed:
            raise
        status = 1
    if not worker.began or (worker.failure and status in (3, 4)):
        sys.stdout.flush()
        sys.stderr.flush()
        # Before the session pytest has written its words to standard error: the agent has them.
        fail(pipe, slot, worker.failure if worker.began and worker.failure else "", status)
        return status
    recycle = worker.runner is not None and worker.runner.recycling
    pipe.send(wire.BYE, {"recycle": True} if recycle else {})
    pipe.leave()
    return 0
