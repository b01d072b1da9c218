"""Collecting one file on pytest 8.0 to 9.x.

The tree has a Dir or Package for each directory from confcutdir down; a
directory's conftest is loaded when its report is made.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List, Tuple

import pytest
from _pytest import main, runner

from fastest_worker.versions import VERSION

Directories = Dict[Path, Any]
DIRECTORIES: Any = (getattr(pytest, "Dir", pytest.Package), pytest.Package)


def resolve_argument(session: Any, arg: str) -> Tuple[Path, List[str]]:
    """(path, names behind ::) of a command-line argument; UsageError as pytest's."""
    config = session.config
    resolve: Any = main.resolve_collection_argument
    where, as_pypath = config.invocation_params.dir, config.option.pyargs
    if VERSION >= (9, 0):
        found = resolve(
            where,
            arg,
            0,
            as_pypath=as_pypath,
            consider_namespace_packages=config.getini("consider_namespace_packages"),
        )
    else:
        found = resolve(where, arg, as_pypath=as_pypath)
    if isinstance(found, tuple):
        return found[0], list(found[1])
    return found.path, list(found.parts)


def set_initial(session: Any, paths: List[Path]) -> None:
    session._initialpaths = frozenset(paths)
    above = {parent for path in paths for parent in (path, *path.parents)}
    session._initialpaths_with_parents = frozenset(above)


def open_directory(node: Any) -> bool:
    """All of collecting a directory but listing it; False where that failed."""
    if not hasattr(node, "_fastest_opened"):
        node.collect = lambda: []
        report = runner.collect_one_node(node)
        del node.collect
        node.ihook.pytest_collectreport(report=report)
        node._fastest_opened = report.passed
    return bool(node._fastest_opened)


def directory_node(session: Any, directory: Path, known: Directories) -> Any:
    """The node of a directory, made once (nodes are compared by identity); or None."""
    if directory in known:
        return known[directory]
    inside, node = session.config.pluginmanager._is_in_confcutdir, None
    if not inside(directory):
        node = session
    elif directory == directory.parent or not inside(directory.parent):
        node = next(iter(session._collect_path(directory, {})), None)
    else:
        up = directory_node(session, directory.parent, known)
        if up is not None and open_directory(up):
            wanted = session.isinitpath(directory, with_parents=True)
            if wanted or not up.ihook.pytest_ignore_collect(
                collection_path=directory, config=session.config
            ):
                node = up.ihook.pytest_collect_directory(path=directory, parent=up)
    known[directory] = node
    return node


def nodes_of(session: Any, path: Path, roots: List[Path], known: Directories) -> List[Any]:
    """The collectors of one file, below the nodes of its directories."""
    up = directory_node(session, path.parent, known)
    if up is None:
        return []
    if up is session:
        return list(session._collect_path(path, {}))
    if not isinstance(up, DIRECTORIES):
        report = runner.collect_one_node(up)
        children = report.result if report.passed else []
        return [node for node in children if getattr(node, "path", None) == path]
    if not open_directory(up):
        return []
    hooks = up.ihook
    if not session.isinitpath(path) and hooks.pytest_ignore_collect(
        collection_path=path, config=session.config
    ):
        return []
    return list(hooks.pytest_collect_file(file_path=path, parent=up))


def deepest_shared(session: Any, path: Path, known: Directories) -> Any:
    """The deepest directory node, already made, above the file."""
    for directory in path.parents:
        if known.get(directory) is not None:
            return known[directory]
    return session


class Conftests(Dict[Path, Any]):
    """pytest 9.1's conftest files whose fixtures no directory node has got yet. It forgets them
    after collecting once; here one collects file by file, and some directories twice."""

    def __init__(self, pending: Dict[Path, Any]) -> None:
        super().__init__(pending)
        self.every = dict(pending)

    def __setitem__(self, directory: Path, module: Any) -> None:
        self.every[directory] = module
        super().__setitem__(directory, module)

    def clear(self) -> None:
        """pytest's own call, after each file."""


def begin_file(session: Any) -> None:
    cache = getattr(session, "_collection_cache", None)
    if cache is not None:
        cache.clear()


def keep_conftests(session: Any) -> None:
    pending = getattr(session._fixturemanager, "_pending_conftests", None)
    if pending is not None:
        session._fixturemanager._pending_conftests = Conftests(pending)


def before_report(session: Any, node: Any) -> None:
    """A further node of a directory gets the fixtures of its conftest file too, once."""
    pending = getattr(session._fixturemanager, "_pending_conftests", None)
    if pending is None or not isinstance(node, DIRECTORIES) or hasattr(node, "_fastest_asked"):
        return
    node._fastest_asked = True
    if node.path in pending.every:
        pending[node.path] = pending.every[node.path]


def walk(session: Any, directories: List[Path], known: Directories) -> List[Any]:
    """Top collectors below the directories, for a session that opens no module."""
    found: List[Any] = []
    for path in directories:
        node = directory_node(session, path, known)
        if node is session:
            found.extend(session._collect_path(path, {}))
        elif node is not None:
            found.append(node)
    return found


def not_found(arg: str, nodes: List[Any]) -> str:
    """pytest's words for an argument that matches nothing."""
    if not nodes:
        return f"found no collectors for {arg}"
    return f"not found: {arg}\n(no match in any of {nodes!r})"
