"""Which implementations of the hooks around a test are understood.

The short protocol (short.py) does what pytest's own implementations would do
for a test that passes and has nothing to say. An implementation that is not
named here or in transparent.py might do more: then pytest's protocol runs.
"""

from __future__ import annotations

from typing import Any, Dict, FrozenSet, NamedTuple, Optional, Tuple

from fastest_worker import transparent, versions

# Marks that pytest's implementations look for; items that have one are not short.
MARKS = frozenset(("skip", "skipif", "xfail", "filterwarnings"))

# hook -> modules of pytest whose implementation was read, from 7.0 to 7.4.
BUILTIN: Dict[str, FrozenSet[str]] = {
    "pytest_runtest_protocol": frozenset(
        ("warnings", "assertion", "unittest", "faulthandler", "runner")
    ),
    "pytest_runtest_logstart": frozenset(("logging",)),
    "pytest_runtest_setup": frozenset(
        ("unraisableexception", "logging", "capture", "threadexception", "skipping", "runner")
        + ("nose",)
    ),
    "pytest_runtest_call": frozenset(
        ("threadexception", "unraisableexception", "logging", "capture", "skipping", "runner")
    ),
    "pytest_pyfunc_call": frozenset(("python",)),
    "pytest_runtest_teardown": frozenset(
        ("threadexception", "unraisableexception", "logging", "capture", "runner")
    ),
    "pytest_runtest_makereport": frozenset(("skipping", "unittest", "runner", "tmpdir")),
    "pytest_runtest_logreport": frozenset(("main", "logging", "cacheprovider")),
    "pytest_runtest_logfinish": frozenset(("logging",)),
    "pytest_report_teststatus": frozenset(("skipping", "runner", "terminal")),
}


SUPPORTED = "7.0 to 7.4, whose hooks are known"


def supports_short() -> bool:
    """Whether this version's implementations were read."""
    return versions.TOLD is not None and (7, 0) <= versions.TOLD < (8, 0)


def module_of(implementation: Any) -> str:
    return str(getattr(implementation.function, "__module__", ""))


def is_builtin(hook: str, implementation: Any) -> bool:
    package, _, module = module_of(implementation).partition(".")
    if package == "fastest_worker":
        return True
    return package == "_pytest" and module in BUILTIN[hook]


class Terms(NamedTuple):
    """What an item must be like so that only understood things would happen around it."""

    marks: FrozenSet[str]  # none of these
    conditions: Tuple[transparent.Condition, ...]  # all of these


def terms(hooks: Any, config: Any) -> Optional[Terms]:
    """For the items of one path; None where an implementation is not understood."""
    entries: Dict[int, Any] = {}
    for hook in BUILTIN:
        for implementation in getattr(hooks, hook).get_hookimpls():
            if is_builtin(hook, implementation):
                continue
            entry = transparent.find(hook, implementation, config)
            if entry is None:
                return None
            entries[id(entry)] = entry
    marks, conditions = transparent.terms(entries.values())
    return Terms(MARKS | marks, conditions)
