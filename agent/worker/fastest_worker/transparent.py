"""Plugins whose hooks around a test do nothing for most tests.

An entry names a plugin's module, the digest of its file as it was read, the
hooks that are understood, and when they do nothing: without which marks, with
which configuration, for which items. A file with another digest is foreign:
somebody has to read it first. `tests/support/plugin_digests.py` prints the
digests of what is installed; each entry has a test in
tests/e2e/test_transparent.py.
"""

from __future__ import annotations

import hashlib
import os
import sys
from typing import Any, Callable, Dict, FrozenSet, NamedTuple, Optional, Tuple

Condition = Callable[[Any], bool]  # of an item


def always(config: Any) -> bool:
    return True


class Entry(NamedTuple):
    """What is known of one plugin."""

    digests: FrozenSet[str]  # of the module's file, all versions that were read
    hooks: FrozenSet[str]
    marks: FrozenSet[str] = frozenset()  # with which the plugin does something
    session: Callable[[Any], bool] = always  # config -> it may do nothing
    item: Optional[Condition] = None


def no_timeout(config: Any) -> bool:
    return not getattr(config, "_env_timeout", None)


def no_reruns(config: Any) -> bool:
    return not config.getoption("reruns", None)


def no_open_files(config: Any) -> bool:
    return not config.getoption("open_files", False)


def is_no_hypothesis_test(item: Any) -> bool:
    """Neither @given nor another decorator of hypothesis; and hypothesis knows that pytest runs,
    which its hook tells it before each test."""
    core: Any = sys.modules.get("hypothesis.core")
    if "hypothesis" in sys.modules and not getattr(core, "running_under_pytest", False):
        return False
    test = getattr(item.obj, "__func__", item.obj)
    return not any("hypothesis" in name for name in test.__dict__)


def is_covered_as_ever(item: Any) -> bool:
    embed: Any = sys.modules.get("pytest_cov.embed")
    plugin = item.config.pluginmanager.getplugin("_cov")
    return (
        "no_cover" not in item.fixturenames
        and plugin is not None
        and plugin.pid == os.getpid()
        and getattr(embed, "_active_cov", embed) is None
    )


TABLE: Dict[str, Entry] = {
    "pytest_timeout": Entry(  # 2.1.0
        digests=frozenset(("ee270f4761e5ec589f45b3d233e67d8e",)),
        hooks=frozenset(("pytest_runtest_protocol", "pytest_runtest_call")),
        marks=frozenset(("timeout",)),
        session=no_timeout,
    ),
    "pytest_rerunfailures": Entry(  # 10.2
        digests=frozenset(("357f63acb141ee2fe4dbc2920e9a3915",)),
        hooks=frozenset(("pytest_runtest_protocol", "pytest_report_teststatus")),
        marks=frozenset(("flaky",)),
        session=no_reruns,
    ),
    "pytest_asyncio.plugin": Entry(  # 0.20.3
        digests=frozenset(("0a34533ec9d5e5110a94102fd8d8f336",)),
        # Asked for an item it looks for fixtures that it hasn't seen.
        hooks=frozenset(
            ("pytest_runtest_setup", "pytest_pyfunc_call", "pytest_pycollect_makeitem")
        ),
        marks=frozenset(("asyncio",)),
    ),
    "_hypothesis_pytestplugin": Entry(  # 6.67.1
        digests=frozenset(("1af3aabaf23615160c55281b6a600a19",)),
        hooks=frozenset(("pytest_runtest_call", "pytest_runtest_makereport")),
        item=is_no_hypothesis_test,
    ),
    "pytest_cov.plugin:CovPlugin": Entry(  # 4.0.0
        digests=frozenset(("8432a8c281a9076de165398df2656477",)),
        hooks=frozenset(("pytest_runtest_setup", "pytest_runtest_teardown", "pytest_runtest_call")),
        marks=frozenset(("no_cover",)),
        item=is_covered_as_ever,
    ),
    "pytest_remotedata.plugin": Entry(  # 0.4.0
        digests=frozenset(("7cde6e97f47e2ff2c2823c2b5e1543cf",)),
        hooks=frozenset(("pytest_runtest_setup",)),
        marks=frozenset(("remote_data", "internet_off")),
    ),
    "pytest_openfiles.plugin": Entry(  # 0.5.0
        digests=frozenset(("797ff7fc0ac18b0f8e620c871c3d33f8",)),
        hooks=frozenset(("pytest_runtest_setup", "pytest_runtest_teardown")),
        session=no_open_files,
    ),
}

_digests: Dict[str, str] = {}


def name_of(implementation: Any) -> str:
    """The module, with the class behind a colon if it is a method."""
    function = implementation.function
    qualifier = str(getattr(function, "__qualname__", "")).rpartition(".")[0]
    name = str(getattr(function, "__module__", ""))
    return f"{name}:{qualifier}" if qualifier and hasattr(function, "__self__") else name


def digest_of(module: str) -> str:
    """Of the module's file as it is on the disk; "" where there is none."""
    if module not in _digests:
        file = getattr(sys.modules.get(module), "__file__", None)
        text = b""
        if file and file.endswith(".py"):
            try:
                with open(file, "rb") as opened:
                    text = opened.read()
            except OSError:
                pass
        _digests[module] = hashlib.sha256(text).hexdigest()[:32] if text else ""
    return _digests[module]


def find(hook: str, implementation: Any, config: Any) -> Optional[Entry]:
    """The entry under which the implementation may do nothing, or None."""
    name = name_of(implementation)
    entry = TABLE.get(name)
    if entry is None or hook not in entry.hooks or not entry.session(config):
        return None
    return entry if digest_of(name.partition(":")[0]) in entry.digests else None


def terms(entries: Any) -> Tuple[FrozenSet[str], Tuple[Condition, ...]]:
    """The marks and the conditions of several entries together."""
    marks = frozenset().union(*(entry.marks for entry in entries))
    return marks, tuple(entry.item for entry in entries if entry.item is not None)
