"""What STATE up says of a configured session."""

from __future__ import annotations

import os
import platform
import sys
from pathlib import Path
from typing import Any, Dict, List

import pytest

from fastest_worker.junit import recorder_of
from fastest_worker.pipe import clean
from fastest_worker.whole import why_whole

COLLECTING_HOOKS = ("pytest_collect_file", "pytest_collect_directory", "pytest_ignore_collect")
# Top packages whose implementations of these hooks change nothing that the
# static walk would not know.
TRANSPARENT = ("_pytest", "fastest_worker", "xdist", "_hypothesis_pytestplugin")


def state_up(config: Any, slot: int) -> Dict[str, Any]:
    state: Dict[str, Any] = {
        "slot": slot,
        "state": "up",
        "pid": os.getpid(),
        "python": platform.python_version(),
        "pytest": pytest.__version__,
        "rootdir": clean(str(config.rootpath)),
        "plugins": plugin_names(config),
    }
    if config.inipath is not None:
        state["inifile"] = clean(os.path.relpath(config.inipath, config.rootpath))
    if plugin_decides_files(config):
        state["list"] = True
    recorder = recorder_of(config)
    if recorder is not None:
        state["junit"] = clean(recorder.frame())
        state["junit_family"] = clean(recorder.family)
    why = why_whole(config)
    if why:
        state["full"] = clean(why)
    return state


def plugin_names(config: Any) -> List[str]:
    """As pytest's header names them: "cov-4.0.0"."""
    names: Dict[str, None] = {}
    for _, distribution in config.pluginmanager.list_plugin_distinfo():
        name = f"{distribution.project_name}-{distribution.version}"
        names[name[7:] if name.startswith("pytest-") else name] = None
    return [clean(name) for name in names]


def plugin_decides_files(config: Any) -> bool:
    """Whether a plugin (no conftest: discovery reads those) decides which files are collected."""
    for hook in COLLECTING_HOOKS:
        caller = getattr(config.pluginmanager.hook, hook, None)
        for implementation in caller.get_hookimpls() if caller is not None else ():
            name = implementation.function.__module__
            file = getattr(sys.modules.get(name), "__file__", None) or ""
            if name.split(".")[0] not in TRANSPARENT and Path(file).name != "conftest.py":
                return True
    return False
