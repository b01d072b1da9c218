"""Which tests stay together (--dist), and in which order they stand (--order random)."""

from __future__ import annotations

import hashlib
from typing import Any, Dict, List, Optional, Sequence, Tuple

import pytest

from fastest_worker.pipe import clean


def group_of(item: Any) -> Optional[str]:
    """The name of its xdist_group, as xdist reads the mark."""
    mark = item.get_closest_marker("xdist_group")
    if mark is None:
        return None
    return clean(str(mark.args[0] if mark.args else mark.kwargs.get("name", "default")))


def scopes(ids: Sequence[str]) -> List[str]:
    """What binds neighbours so that no scope (a class, or a file outside its classes: xdist's
    loadscope) is parted: scopes that overlap in the list become one."""
    last: Dict[str, int] = {}
    names = [name.rsplit("::", 1)[0] for name in ids]
    for at, name in enumerate(names):
        last[name] = at
    made: List[str] = []
    first, end = "", -1
    for at, name in enumerate(names):
        if at > end:
            first = name
        end = max(end, last[name])
        made.append(first)
    return made


def _place(seed: str, text: str) -> bytes:
    return hashlib.sha256(f"{seed}\n{text}".encode("utf-8", "surrogateescape")).digest()


def shuffled(items: Sequence[Any], seed: str) -> List[Any]:
    """By the seed alone, whatever else is collected: files, their classes, what is in them. What
    shares a fixture of its file or class stays together."""

    def key(item: Any) -> Tuple[bytes, ...]:
        chain = [node.nodeid for node in item.listchain() if isinstance(node, pytest.Collector)]
        return tuple(_place(seed, nodeid) for nodeid in chain) + (_place(seed, item.nodeid),)

    return sorted(items, key=key)
