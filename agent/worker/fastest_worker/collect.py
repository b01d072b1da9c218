"""Lazy collection: one file at a time, by pytest's own collectors and hooks.

Each file is collected inside the `pytest_collection` hook with
`session.perform_collect` replaced, so that the hook's wrappers (warning
filters, log capture, assertion rewriting) apply as ever.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Sequence, Set, Tuple

import pytest
from _pytest import runner
from _pytest._code import ExceptionInfo
from _pytest.config import ConftestImportFailure
from _pytest.config import filter_traceback  # type: ignore[attr-defined]

from fastest_worker import affinity
from fastest_worker.pipe import clean, dumps
from fastest_worker.results import Renderer, collect_result
from fastest_worker.versions import VERSION
from fastest_worker.whole import Watch, Whole, path_of

if VERSION >= (8, 0):
    from fastest_worker import collect8 as version
else:
    from fastest_worker import collect7 as version  # type: ignore[no-redef]


class Gone(Exception):
    """A file that was found is not there any more."""


class File:
    """What this worker found in one file."""

    def __init__(self) -> None:
        self.items: List[Any] = []
        self.ids: List[str] = []
        self.deselected: List[str] = []
        self.deselected_at: List[Tuple[Path, str]] = []  # the same, with their files
        self.reports: List[Any] = []
        self.missing: List[str] = []
        self.missing_text = ""
        self.digest = ""


def matches(node: Any, name: str) -> bool:
    return bool(node.name == name or node.name.split("[")[0] == name)


def names_of(selector: str) -> List[str]:
    """pytest's reading of what stands behind "path::"."""
    base, bracket, rest = selector.partition("[")
    names = base.split("::")
    names[-1] += bracket + rest
    return names


def bind_of(item: Any) -> Optional[str]:
    """The class whose tests must stay together, or None."""
    if type(item.parent) is pytest.Module:
        return None
    cls = item.getparent(pytest.Class)
    if cls is None:
        return None
    if hasattr(item, "_testcase") or type(cls).__name__ == "UnitTestCase":
        return clean(cls.nodeid)
    info = getattr(item, "_fixtureinfo", None)
    if info is not None:
        for definitions in info.name2fixturedefs.values():
            if any(str(definition.scope) == "class" for definition in definitions):
                return clean(cls.nodeid)
    return None


class Collector:
    """The session's files, opened when they are asked for."""

    def __init__(
        self, session: Any, root: Path, renderer: Renderer, warn: Callable[[str], None]
    ) -> None:
        self.session = session
        self.watch = Watch(session.config, warn)
        self.whole: Optional[Whole] = None  # once the whole selection was collected
        self.root = root
        self.renderer = renderer
        self.files: Dict[Tuple[str, Tuple[str, ...]], File] = {}
        self.imported: Set[str] = set()
        self.directories: Dict[Path, Any] = {}
        self.roots: List[Path] = []
        self.current: Optional[File] = None  # while one is being collected
        self.listing: Optional[List[Path]] = None  # while LIST is answered
        self.broken: Set[Path] = set()  # directories whose conftest.py can't be loaded
        self.checked_pending = False
        self.groups = False  # tests with an xdist_group are not for leases of whole files
        self.scopes = False  # --dist loadscope
        self.order_seed: Optional[str] = None  # --order random
        session.items = []
        session._notfound = []
        version.keep_conftests(session)
        for arg in session.config.args:
            self.roots.append(version.resolve_argument(session, arg)[0])
        version.set_initial(session, self.roots)

    def path_of(self, file: str) -> Path:
        return Path(os.path.normpath(self.root / file))

    def is_open(self, file: str, selectors: Sequence[str] = ()) -> bool:
        return self.whole is not None or (file, tuple(selectors)) in self.files

    def open(self, file: str, selectors: Sequence[str] = (), earlier: Sequence[str] = ()) -> File:
        """Collects a file, once; `earlier` ones are imported before it, and no more."""
        if self.whole is not None:
            return self._finish(self.whole.file(self.path_of(file)))
        key = (file, tuple(selectors))
        if key in self.files:
            return self.files[key]
        for other in earlier:
            if other not in self.imported:
                self.imported.add(other)
                self._in_hook(lambda: self._import(other))
        self.imported.add(file)
        found = self.files[key] = File()
        session = self.session
        before, counted = session.items, session.testscollected
        self.current = found
        try:
            self._in_hook(lambda: self._collect(file, selectors, found))
        except BaseException:
            del self.files[key]
            raise
        finally:
            self.current = None
            session.items = before + found.items
            session.testscollected = counted + len(found.items)
        return self._finish(found)

    def _finish(self, found: File) -> File:
        if self.order_seed is not None and self.whole is None:
            found.items = affinity.shuffled(found.items, self.order_seed)
        found.ids = [clean(item.nodeid) for item in found.items]
        found.digest = hashlib.sha256(dumps(found.ids).encode()).hexdigest()[:32]
        return found

    def collect_whole(self, name: Callable[[str], Any]) -> Whole:
        """The whole selection, once; `name` hears which file is about to be opened."""
        if self.whole is None:
            gathered = self.current = File()
            self.watch.active = False
            whole = Whole(self.session, File)
            try:
                told: List[Any] = []
                while True:
                    error = whole.collect(name)
                    if error is None or not self.leave_out(error):
                        break
                    told.append(conftest_report(error, self.session.config))
                    gathered = self.current = File()
            finally:
                self.current = None
            if self.order_seed is not None:
                self.session.items = affinity.shuffled(self.session.items, self.order_seed)
            whole.take(gathered)
            whole.elsewhere += told
            self.whole = whole
        return self.whole

    def deepest_shared(self, file: str) -> Any:
        """The deepest node, made already, of a directory above the file."""
        return version.deepest_shared(self.session, self.path_of(file), self.directories)

    def _in_hook(self, collect: Callable[[], List[Any]]) -> None:
        session = self.session
        session.perform_collect = lambda *args, **kwargs: collect()
        version.begin_file(session)
        session.config.hook.pytest_collection(session=session)

    def _nodes_of(self, file: str) -> List[Any]:
        path = self.path_of(file)
        if not path.is_file():
            raise Gone(f"{path} is not there any more")
        return version.nodes_of(self.session, path, self.roots, self.directories)

    def _import(self, file: str) -> List[Any]:
        """What pytest would have imported before; its own lease reports what is wrong with it."""
        try:
            for node in self._nodes_of(file):
                if isinstance(node, pytest.Collector):
                    runner.collect_one_node(node)
        except (ConftestImportFailure, Gone):
            pass
        return []

    def _collect(self, file: str, selectors: Sequence[str], found: File) -> List[Any]:
        session = self.session
        session.items = items = []
        try:
            nodes = self._nodes_of(file)
            if selectors:
                items.extend(self._select(nodes, selectors, found, file))
            else:
                for node in nodes:
                    items.extend(session.genitems(node))
            if not self.checked_pending:
                session.config.pluginmanager.check_pending()
                self.checked_pending = True
            self.watch.look()
            session.config.hook.pytest_collection_modifyitems(
                session=session, config=session.config, items=items
            )
        except ConftestImportFailure as error:
            found.reports.append(conftest_report(error, session.config))
        except Gone as error:
            found.reports.append(pytest.CollectReport(file, "failed", str(error), []))
        finally:
            found.items = items
            session.config.hook.pytest_collection_finish(session=session)
        return items

    def _select(
        self, nodes: List[Any], selectors: Sequence[str], found: File, file: str
    ) -> List[Any]:
        """The items that the command line names, in its order, each once."""
        reports: Dict[int, Any] = {}
        items: Dict[str, Any] = {}
        missing: List[str] = []
        for selector in selectors:
            level = nodes
            for name in names_of(selector):
                level = [
                    child
                    for node in level
                    for child in self._children(node, reports)
                    if matches(child, name)
                ]
            for node in level:
                for item in self.session.genitems(node):
                    items.setdefault(item.nodeid, item)
            if not level:
                found.missing.append(selector)
                missing.append(version.not_found(f"{self.path_of(file)}::{selector}", nodes))
        found.missing_text = "\n\n".join(f"ERROR: {text}" for text in missing)
        return list(items.values())

    def _children(self, node: Any, reports: Dict[int, Any]) -> List[Any]:
        if not isinstance(node, pytest.Collector):
            return []
        if id(node) not in reports:
            reports[id(node)] = report = runner.collect_one_node(node)
            if not report.passed:
                node.ihook.pytest_collectreport(report=report)
        report = reports[id(node)]
        return list(report.result) if report.passed else []

    def message(self, file: str, found: File, lease: int, slot: int, known: str) -> Dict[str, Any]:
        """COLLECTED for one lease."""
        message: Dict[str, Any] = {"lease": str(lease), "slot": slot, "file": file}
        message["digest"] = found.digest
        if known == found.digest:
            message["same"] = True
        else:
            message["items"] = self._described(found)
        if found.deselected:
            message["deselected"] = found.deselected
        if found.reports:
            # A path counts once, by what comes first: a file can be several collectors'.
            worst_first = sorted(found.reports, key=lambda report: not report.failed)
            message["reports"] = [
                collect_result(report, self.renderer, lease, slot) for report in worst_first
            ]
        if found.missing:
            message["missing"] = found.missing
            message["missing_text"] = clean(found.missing_text)
        return message

    def _described(self, found: File) -> List[Dict[str, str]]:
        """The items as the coordinator is told of them."""
        if self.scopes:
            binds: List[Optional[str]] = list(affinity.scopes(found.ids))
        else:
            binds = [bind_of(item) for item in found.items]
        described: List[Dict[str, str]] = []
        for item, nodeid, bind in zip(found.items, found.ids, binds):
            one = {"id": nodeid}
            if bind:
                one["bind"] = bind
            group = affinity.group_of(item) if self.groups else None
            if group is not None:
                one["group"] = group
            described.append(one)
        return described

    # ---- hooks (registered as a plugin)

    def pytest_deselected(self, items: Sequence[Any]) -> None:
        if self.current is not None:
            self.current.deselected.extend(clean(item.nodeid) for item in items)
            self.current.deselected_at.extend((path_of(x), clean(x.nodeid)) for x in items)

    def pytest_collectreport(self, report: Any) -> None:
        if self.current is not None and not report.passed:
            self.current.reports.append(report)

    @pytest.hookimpl(tryfirst=True)
    def pytest_make_collect_report(self, collector: Any) -> Any:
        """While LIST is answered no module is opened: files say that they exist."""
        version.before_report(self.session, collector)
        if self.listing is None or not isinstance(collector, pytest.File):
            return None
        if isinstance(collector, pytest.Package):
            return None
        self.listing.append(collector.path)
        return pytest.CollectReport(collector.nodeid, "passed", None, [])

    def list_whole(self, name: Callable[[str], Any]) -> Tuple[List[str], List[Any]]:
        """Every file that the whole selection has something of, relative to the root; reports
        of directories."""
        whole = self.collect_whole(name)
        return [relative(path, self.root) for path in whole.files], whole.elsewhere

    def list_files(self, directories: Sequence[str]) -> Tuple[List[str], List[Any]]:
        """What pytest would collect below the directories, relative to the root; bad reports."""
        paths = [self.path_of(directory) for directory in directories]
        told: List[Any] = []
        while True:
            found: List[Path] = []
            version.begin_file(self.session)
            self.listing = found
            self.current = bad = File()
            try:
                for node in version.walk(self.session, paths, self.directories):
                    list(self.session.genitems(node))
                break
            except ConftestImportFailure as error:
                if not self.leave_out(error):
                    break
                told.append(conftest_report(error, self.session.config))
            finally:
                self.listing = None
                self.current = None
        return [relative(path, self.root) for path in dict.fromkeys(found)], told + bad.reports

    def leave_out(self, error: ConftestImportFailure) -> bool:
        """Collects no more below a directory whose conftest.py is broken; False: it was left out
        already."""
        directory = Path(error.path).parent
        new = directory not in self.broken
        self.broken.add(directory)
        return new

    @pytest.hookimpl(tryfirst=True)
    def pytest_ignore_collect(self, collection_path: Path) -> Optional[bool]:
        return True if collection_path in self.broken else None


def conftest_report(error: ConftestImportFailure, config: Any) -> Any:
    """A conftest below the roots that can't be imported: its directory's error, as pytest 8's."""
    cause = getattr(error, "cause", None)  # pytest 8 on; before: excinfo
    info: Any = (
        getattr(ExceptionInfo, "from_exception")(cause)
        if cause is not None
        else ExceptionInfo.from_exc_info(error.excinfo)
    )
    info.traceback = info.traceback.filter(filter_traceback)
    text = str(info.getrepr(style="short", chain=False)) if info.traceback else info.exconly()
    directory = relative(Path(error.path).parent, config.rootpath)
    longrepr = f"ImportError while loading conftest '{error.path}'.\n{text}"
    return pytest.CollectReport(directory, "failed", longrepr, [])


def relative(path: Path, root: Path) -> str:
    """The path as the coordinator names files: from the root, with '/'."""
    return clean(os.path.relpath(path, root).replace(os.sep, "/"))
