"""The worker's life: one pytest session whose run loop takes leases from the pipe."""

from __future__ import annotations

import os
import platform
import sys
from pathlib import Path
from typing import Any, Dict, List, Optional

from fastest_worker import pipe as wire


def fail(pipe: wire.Pipe, slot: int, text: str, exit_code: int) -> None:
    """Every worker would fail alike: the run ends with this text and code."""
    message = {"slot": slot, "state": "fatal", "pid": os.getpid()}
    pipe.send(
        wire.STATE, {**message, "text": wire.clean(text.rstrip("\n")), "exit_code": exit_code}
    )


def main(pipe_fd: int, page_fd: int) -> int:
    """Works until the agent says DRAIN or is gone; the process's exit status."""
    pipe = wire.Pipe(pipe_fd, page_fd)
    backlog: List[Any] = pipe.receive(block=True)
    if not backlog:
        return 1
    welcome = backlog.pop(0)[1]
    slot = welcome["slots"][0]
    try:
        import pytest
    except ImportError:
        fail(
            pipe,
            slot,
            f"{sys.executable} has no pytest: install it there (python -m pip install pytest), "
            "or name another interpreter with --python",
            4,
        )
        return 4
    from fastest_worker.session import Worker

    worker = Worker(pipe, welcome, backlog)
    try:
        status = int(pytest.main(list(welcome["config"]["args"]), plugins=[worker]))
    except BaseException as error:  # pytest itself let it out: a plugin that can't be imported
        if worker.started:
            raise
        import traceback

        fail(pipe, slot, "".join(traceback.format_exception_only(type(error), error)), 4)
        return 4
    if not worker.started:
        sys.stdout.flush()
        sys.stderr.flush()
        text = wire.read_log() or f"pytest ended with status {status} before its session began"
        fail(pipe, slot, text, status if status in (2, 3, 4) else status or 3)
        return status
    pipe.send(wire.BYE, {})
    return 0


def describe(config: Any, slot: int, list_files: bool) -> Dict[str, Any]:
    """STATE up."""
    import pytest

    state: Dict[str, Any] = {
        "slot": slot,
        "state": "up",
        "pid": os.getpid(),
        "python": platform.python_version(),
        "pytest": pytest.__version__,
        "rootdir": wire.clean(str(config.rootpath)),
        "plugins": plugin_names(config),
        "list": list_files,
    }
    if config.inipath is not None:
        inifile = os.path.relpath(config.inipath, config.rootpath)
        state["inifile"] = wire.clean(inifile)
    return state


def plugin_names(config: Any) -> List[str]:
    """As pytest's header names them: "cov-4.0.0"."""
    names: Dict[str, None] = {}
    for _, distribution in config.pluginmanager.list_plugin_distinfo():
        name = f"{distribution.project_name}-{distribution.version}"
        names[name[7:] if name.startswith("pytest-") else name] = None
    return [wire.clean(name) for name in names]


def decides_files(config: Any) -> Optional[str]:
    """A plugin, no conftest, that decides which files are collected: its name."""
    for hook in ("pytest_collect_file", "pytest_collect_directory", "pytest_ignore_collect"):
        caller = getattr(config.pluginmanager.hook, hook, None)
        for implementation in caller.get_hookimpls() if caller is not None else ():
            module = sys.modules.get(implementation.function.__module__)
            name = implementation.function.__module__.split(".")[0]
            file = Path(getattr(module, "__file__", None) or "conftest.py")
            if name not in ("_pytest", "fastest_worker", "xdist") and file.name != "conftest.py":
                return str(implementation.plugin_name)
    return None
