"""Leases, and which of a file's items they name."""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Sequence, Set, Tuple

Message = Dict[str, Any]


def function_of(nodeid: str) -> str:
    """The function id of a node id: without the last part's [...]."""
    path, colons, names = nodeid.partition("::")
    return path + colons + names.split("[", 1)[0]


class Lease:
    """Units of one file that the agent has handed over."""

    def __init__(self, message: Message) -> None:
        self.message = message
        self.number = int(message["lease"])
        self.file: str = message["file"]
        self.kind: str = message["kind"]
        self.attempt = str(message.get("attempt", 1))
        self.whole: bool = message.get("whole", False)
        self.units: List[Message] = message.get("units", [])
        self.selectors: List[str] = message.get("selectors", [])
        self.earlier: List[str] = message.get("earlier", [])
        self.target: Optional[str] = message.get("target")
        self.known: str = message.get("digest", "")
        self.full: bool = message.get("full", False)
        self.more: bool = message.get("more", False)
        self.revoked: Set[str] = set()

    def reports(self, nodeid: str) -> bool:
        """Whether this test's result is wanted."""
        return self.target is None or self.target == nodeid

    def is_revoked(self, nodeid: str) -> bool:
        return nodeid in self.revoked or function_of(nodeid) in self.revoked

    def pick(self, ids: Sequence[str]) -> Tuple[List[Tuple[int, str]], List[str]]:
        """(places in the file's list, ids to report them under), and the units that are absent.

        An item whose id this worker doesn't have (ids can differ between processes) is the one
        at its index, if that is of the same function and not named itself.
        """
        if self.whole:
            return [(at, name) for at, name in enumerate(ids) if not self.is_revoked(name)], []
        there = set(ids)
        functions = {unit["id"] for unit in self.units if unit["kind"] == "function"}
        named = {unit["id"] for unit in self.units if unit["kind"] == "item"}
        stands_for: Dict[int, str] = {}
        absent: List[str] = []
        known_functions = {function_of(name) for name in there} if functions else set()
        for unit in self.units:
            nodeid, at = unit["id"], unit.get("index", -1)
            if unit["kind"] == "function":
                if nodeid not in known_functions:
                    absent.append(nodeid)
            elif nodeid not in there:
                if (
                    0 <= at < len(ids)
                    and ids[at] not in named
                    and function_of(ids[at]) == function_of(nodeid)
                ):
                    stands_for[at] = nodeid
                else:
                    absent.append(nodeid)
        picked: List[Tuple[int, str]] = []
        for at, name in enumerate(ids):
            if at in stands_for:
                picked.append((at, stands_for[at]))
            elif name in named or (functions and function_of(name) in functions):
                picked.append((at, name))
        return (
            [(at, name) for at, name in picked if not self.is_revoked(name)],
            [name for name in absent if not self.is_revoked(name)],
        )


class Entry:
    """One item that will run."""

    __slots__ = ("lease", "item", "nodeid", "last")

    def __init__(self, lease: Lease, item: Any, nodeid: str, last: bool) -> None:
        self.lease = lease
        self.item = item
        self.nodeid = nodeid
        self.last = last  # no further item of the lease has this id


def entries(lease: Lease, picked: Sequence[Tuple[int, str]], items: Sequence[Any]) -> List[Entry]:
    """What to run, in pytest's order; ids may come twice."""
    made: List[Entry] = []
    seen: Set[str] = set()
    for at, nodeid in reversed(picked):
        made.append(Entry(lease, items[at], nodeid, nodeid not in seen))
        seen.add(nodeid)
    made.reverse()
    return made
