"""The whole selection, collected at once by pytest's own perform_collect, as under xdist.

What a lease names is then picked from it; nothing is imported any more.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Sequence

import pytest
from _pytest.config import ConftestImportFailure

# Plugins whose pytest_collection_modifyitems sorts or cuts the list of all tests: the package of
# the hook, and the option (destination, value) that keeps it from doing so.
WHOLE_LIST_PLUGINS: Dict[str, Any] = {
    "pytest_order": None,
    "pytest_ordering": None,
    "pytest_randomly": ("randomly_reorganize", False),
    "random_order": ("random_order_enabled", False),
    "pytest_random_order": ("random_order_enabled", False),
    "pytest_reverse": None,
    "pytest_reorder": None,
    "pytest_split": ("splits", None),
    "pytest_shard": ("num_shards", 1),
    "pytest_test_groups": ("test-group-count", None),
    "pytest_sourceorder": None,
    "pytest_randomizer": None,
}
# Packages whose hooks look at each test for itself.
PER_ITEM = (
    "_pytest",
    "fastest_worker",
    "xdist",
    "_hypothesis_pytestplugin",
    "pytest_asyncio",
    "pytest_timeout",
    "pytest_django",
    "pytest_mock",
)
HOOK = "pytest_collection_modifyitems"


def implementations(config: Any) -> List[Any]:
    """Of pytest_collection_modifyitems, by plugins and conftest files that are loaded by now."""
    return list(config.pluginmanager.hook.pytest_collection_modifyitems.get_hookimpls())


def package_of(implementation: Any) -> str:
    return str(getattr(implementation.function, "__module__", None) or "").split(".")[0]


def why_whole(config: Any) -> str:
    """The plugin that must see the whole selection at once, or ""."""
    for implementation in implementations(config):
        package = package_of(implementation)
        if package not in WHOLE_LIST_PLUGINS:
            continue
        off = WHOLE_LIST_PLUGINS[package]
        if off is None or config.getoption(off[0], None) != off[1]:
            return f"{package} orders or picks from all tests"
    return ""


def where(implementation: Any) -> str:
    """The hook as a user knows it: its plugin's name, or its conftest.py."""
    code = getattr(implementation.function, "__code__", None)
    file = code.co_filename if code is not None else ""
    if os.path.basename(file) == "conftest.py":
        return os.path.relpath(file)
    return package_of(implementation) or repr(implementation.plugin)


class Watch:
    """Sees what hooks make of one file's items while files are collected one by one: the list
    that they meant to change was all of the tests."""

    def __init__(self, config: Any, warn: Callable[[str], None]) -> None:
        self.config = config
        self.warn = warn
        self.active = True  # not while the whole selection is collected
        self.watched: List[Any] = []

    def look(self) -> None:
        """Again before each file: its conftest files may bring hooks."""
        for implementation in implementations(self.config):
            if implementation in self.watched or package_of(implementation) in PER_ITEM:
                continue
            self.watched.append(implementation)
            if "items" in implementation.argnames and not implementation.hookwrapper:
                self._wrap(implementation)

    def _wrap(self, implementation: Any) -> None:
        original = implementation.function
        at = implementation.argnames.index("items")
        name = where(implementation)

        def watched(*args: Any) -> Any:
            before = list(args[at])
            result = original(*args)
            if self.active and before != args[at]:
                self.active = False  # once a worker
                self.warn(
                    f"{name}: {HOOK} removes or reorders tests, but was given one file's at a "
                    "time; --collect full gives it all of them"
                )
            return result

        implementation.function = watched


class Whole:
    """The items, deselected ids and reports of every file of the selection."""

    def __init__(self, session: Any, make_file: Callable[[], Any]) -> None:
        self.session = session
        self.make_file = make_file
        self.files: Dict[Path, Any] = {}  # in the order of the list
        self.elsewhere: List[Any] = []  # reports of directories
        self.place: Dict[Any, int] = {}  # of each item in the list

    def collect(self, name: Callable[[str], Any]) -> Optional[ConftestImportFailure]:
        """All at once; `name` hears of each file before it is opened. A conftest.py that can't be imported
        ends it, on pytest 7, and is returned."""
        session = self.session
        watcher = Announcer(name)
        session.config.pluginmanager._duplicatepaths = set()
        session.config.pluginmanager.register(watcher, "fastest-announcer")
        session.perform_collect = type(session).perform_collect.__get__(session)
        try:
            session.config.hook.pytest_collection(session=session)
        finally:
            session.config.pluginmanager.unregister(watcher)
        return watcher.broken

    def take(self, gathered: Any) -> None:
        """Sorts what was collected by files."""
        session = self.session
        for at, item in enumerate(session.items):
            self.place[item] = at
            self._file(path_of(item)).items.append(item)
        for path, nodeid in gathered.deselected_at:
            self._file(path).deselected.append(nodeid)
        for report in gathered.reports:
            path = session.config.rootpath / report.nodeid.split("::")[0]
            if report.nodeid and path.is_file():
                self._file(Path(os.path.normpath(path))).reports.append(report)
            else:
                self.elsewhere.append(report)

    def _file(self, path: Path) -> Any:
        if path not in self.files:
            self.files[path] = self.make_file()
        return self.files[path]

    def file(self, path: Path) -> Any:
        """What there is of a file; nothing where pytest collects nothing from it."""
        return self._file(path)


class Announcer:
    """Tells which file is about to be opened, and what kept the session from being collected."""

    def __init__(self, name: Callable[[str], Any]) -> None:
        self.name = name
        self.broken: Optional[ConftestImportFailure] = None

    def pytest_exception_interact(self, call: Any) -> None:
        if isinstance(call.excinfo.value, ConftestImportFailure):
            self.broken = call.excinfo.value

    def pytest_collectstart(self, collector: Any) -> None:
        if isinstance(collector, pytest.File):
            self.name(str(collector.nodeid))


def path_of(item: Any) -> Path:
    """The file that an item belongs to."""
    node = item.getparent(pytest.File)
    return Path(os.path.normpath((node if node is not None else item).path))


def in_list_order(entries: Sequence[Any], place: Optional[Dict[Any, int]]) -> List[Any]:
    """Leases' entries as the whole list has them; a confirmation's stay behind what came
    before it."""
    made: List[Any] = []
    tail: List[Any] = []
    for entry in entries:
        if entry.lease.kind == "plain":
            tail.append(entry)
            continue
        made += sorted(tail, key=lambda one: (place or {}).get(one.item, sys.maxsize))
        made.append(entry)
        tail = []
    return made + sorted(tail, key=lambda one: (place or {}).get(one.item, sys.maxsize))
