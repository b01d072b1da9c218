"""What xdist's controller does beside handing out tests: whether a project needs it, and the
values that it and its workers exchange."""

from __future__ import annotations

import base64
import marshal
import os
import types
from typing import Any, Dict, Iterator, List, Set

import pytest

# xdist's hooks that only its controller calls.
HOOKS = (
    "pytest_xdist_setupnodes",
    "pytest_configure_node",
    "pytest_testnodeready",
    "pytest_testnodedown",
)
# Whose hooks a worker does without: xdist's own; rerunfailures counts in the worker (xdist.py).
DISPENSABLE = ("xdist", "pytest_rerunfailures")
# Where a conftest.py does once, in the controller, what all workers need.
SESSION_HOOKS = (
    "pytest_configure",
    "pytest_sessionstart",
    "pytest_sessionfinish",
    "pytest_unconfigure",
)
ASKS_FOR_ROLE = {
    "workerinput",
    "slaveinput",
    "is_xdist_controller",
    "is_xdist_master",
    "is_xdist_worker",
    "get_xdist_worker_id",
    "PYTEST_XDIST_WORKER",
}


def encode(values: Dict[str, Any], what: str) -> str:
    """For the wire; a UsageError names what can't travel, as xdist's execnet refuses it."""
    try:
        return base64.b64encode(marshal.dumps(values)).decode()
    except ValueError:
        bad = [key for key in values if not _travels(values[key])]
        raise pytest.UsageError(
            f"{what}: {', '.join(map(repr, bad))} can't be sent to another process: only None, "
            "bool, int, float, complex, str, bytes, list, tuple, set, frozenset and dict can"
        ) from None


def _travels(value: Any) -> bool:
    try:
        marshal.dumps(value)
    except ValueError:
        return False
    return True


def decode(data: str) -> Dict[str, Any]:
    found = marshal.loads(base64.b64decode(data)) if data else {}
    return found if isinstance(found, dict) else {}


def needs_host(config: Any) -> bool:
    """Some plugin or conftest.py of the configured session wants a controller beside it."""
    for name in HOOKS:
        caller = getattr(config.hook, name, None)
        for impl in caller.get_hookimpls() if caller is not None else ():
            if not _is_dispensable(impl.plugin):
                return True
    return any(_asks_for_role(plugin) for plugin in config.pluginmanager.get_plugins())


def will_need_host(config: Any) -> bool:
    """The same before pytest_configure, where a conftest.py may register what it has imported
    (scikit-learn's does)."""
    return needs_host(config) or any(
        _brings_hooks(value, inside=True)
        for plugin in config.pluginmanager.get_plugins()
        if _is_conftest(plugin)
        for value in list(vars(plugin).values())
    )


def _brings_hooks(value: Any, inside: bool) -> bool:
    """A class or module that could be a plugin with such hooks; inside: or a module of such."""
    if not isinstance(value, (type, types.ModuleType)) or _is_dispensable(value):
        return False
    names = vars(value)
    if any(name in names for name in HOOKS):
        return True
    return inside and any(_brings_hooks(one, inside=False) for one in list(names.values()))


def _is_conftest(plugin: Any) -> bool:
    file = getattr(plugin, "__file__", None) or ""
    return isinstance(plugin, types.ModuleType) and os.path.basename(file) == "conftest.py"


def _is_dispensable(plugin: Any) -> bool:
    name = getattr(plugin, "__module__", None) or getattr(plugin, "__name__", "")
    if str(name).split(".")[0] in DISPENSABLE:
        return True
    # pytest-cov under --no-cov.
    return bool(str(name).startswith("pytest_cov") and getattr(plugin, "_disabled", False))


def _asks_for_role(plugin: Any) -> bool:
    """A conftest.py whose session-wide hooks differ between controller and worker."""
    if not _is_conftest(plugin):
        return False
    seen: Set[types.CodeType] = set()
    todo: List[types.CodeType] = []
    for name in SESSION_HOOKS:
        todo.extend(_code(vars(plugin).get(name)))
    while todo:
        code = todo.pop()
        if code in seen:
            continue
        seen.add(code)
        names = set(code.co_names) | {text for text in code.co_consts if isinstance(text, str)}
        if names & ASKS_FOR_ROLE:
            return True
        todo.extend(const for const in code.co_consts if isinstance(const, types.CodeType))
        for name in code.co_names:
            todo.extend(_code(vars(plugin).get(name)))
    return False


def _code(function: Any) -> Iterator[types.CodeType]:
    if isinstance(function, types.FunctionType):
        yield function.__code__
