"""Collecting one file on pytest 7.0 to 7.4.

The tree is Session -> Package of the file's own directory -> Module; conftest
files are loaded by asking for a path's hook proxy.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any, Dict, List, Tuple

import pytest
from _pytest.main import resolve_collection_argument
from _pytest.pathlib import fnmatch_ex

Directories = Dict[Path, Any]


def resolve_argument(session: Any, arg: str) -> Tuple[Path, List[str]]:
    """(path, names behind ::) of a command-line argument; UsageError as pytest's."""
    config = session.config
    return resolve_collection_argument(
        config.invocation_params.dir, arg, as_pypath=config.option.pyargs
    )


def set_initial(session: Any, paths: List[Path]) -> None:
    session._initialpaths = frozenset(paths)


@lru_cache(maxsize=None)
def is_ignored(session: Any, directory: Path, roots: Tuple[Path, ...]) -> bool:
    """What the walk would have done with the directories above a file."""
    above = [root for root in roots if root == directory or root in directory.parents]
    if not above:
        return False
    root = max(above, key=lambda path: len(path.parts))
    chain = [directory, *directory.parents]
    for path in reversed(chain[: chain.index(root)]):
        if path.name == "__pycache__":
            return True
        hooks = session.gethookproxy(path.parent)
        if hooks.pytest_ignore_collect(collection_path=path, config=session.config):
            return True
        patterns = session.config.getini("norecursedirs")
        if any(fnmatch_ex(pattern, path) for pattern in patterns):
            return True
    return False


def is_inside(session: Any, path: Path) -> bool:
    """Whether packages and conftest files count there. 7.0 has no method that says so."""
    plugins = session.config.pluginmanager
    if hasattr(plugins, "_is_in_confcutdir"):
        return bool(plugins._is_in_confcutdir(path))
    return plugins._confcutdir is None or path not in plugins._confcutdir.parents


def nodes_of(session: Any, path: Path, roots: List[Path], known: Directories) -> List[Any]:
    """The collectors of one file, as a walk over its directory would make them."""
    directory, init = path.parent, path.parent / "__init__.py"
    if path not in roots and is_ignored(session, directory, tuple(roots)):
        return []
    if directory not in known:
        known[directory] = session
        if init.is_file() and is_inside(session, path):
            for node in session._collectfile(init, handle_dupes=False):
                if isinstance(node, pytest.Package):
                    known[directory] = node
    package = known[directory]
    if path != init or package is session:
        return list(package._collectfile(path, handle_dupes=False))
    found = [
        node
        for node in session._collectfile(path, handle_dupes=False)
        if not isinstance(node, pytest.Package)
    ]
    patterns = session.config.getini("python_files")
    if path in roots or any(fnmatch_ex(pattern, path) for pattern in patterns):
        found.append(pytest.Module.from_parent(package, path=path))
    return found


def deepest_shared(session: Any, path: Path, known: Directories) -> Any:
    """The deepest directory node, already made, above the file."""
    return known.get(path.parent, session)


def begin_file(session: Any) -> None:
    """Nothing of the last file is kept."""


def keep_conftests(session: Any) -> None:
    """Fixtures belong to paths: no node can miss them."""


def before_report(session: Any, node: Any) -> None:
    """As above."""


def walk(session: Any, directories: List[Path], known: Directories) -> List[Any]:
    """Top collectors below the directories, for a session that opens no module."""
    plugins = session.config.pluginmanager
    saved = session._initial_parts if hasattr(session, "_initial_parts") else []
    duplicates = set(plugins._duplicatepaths)
    session._initial_parts = [(path, []) for path in directories]
    session._notfound = []
    try:
        return list(session.collect())
    finally:
        session._initial_parts = saved
        plugins._duplicatepaths = duplicates


def not_found(arg: str, nodes: List[Any]) -> str:
    """pytest's words for an argument that matches nothing."""
    if not nodes:
        return f"found no collectors for {arg}"
    return f"not found: {arg}\n(no name {arg!r} in any of {nodes!r})"
