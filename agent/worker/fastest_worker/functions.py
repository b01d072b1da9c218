"""Plain test functions, collected at a fraction of the cost; pytest 7.1 to 7.4.

For each function of a module pytest calls two hooks, makes a node that only
carries the answers' input, and asks anew which fixtures it needs, though of
the functions of one module most need the same. Here that is done for a
function at once, where it is plain and nobody but pytest itself answers those
hooks. Whatever is not plain (a fixture, a class, a generator, a parametrized
or decorated function, a fixture with parameters) goes pytest's own way.

What stands here follows pytest's code line by line: Session.genitems,
PyCollector.collect and _genfunctions, pytest_pycollect_makeitem,
istestfunction, getfixtureinfo, Function.__init__ and those that it calls. So
it is used only where the files with these are ones that were read.
"""

from __future__ import annotations

import inspect
from types import FunctionType
from typing import Any, Dict, FrozenSet, Iterator, List, Optional, Tuple

from _pytest import fixtures, main, python
from _pytest.mark.structures import NodeKeywords, get_unpacked_marks
from _pytest.runner import collect_one_node
from _pytest.stash import Stash

from fastest_worker import hotspots, transparent

# Beginnings of the digests of pytest's files, 7.1.0 to 7.4.4.
READ: Dict[str, FrozenSet[str]] = {
    "_pytest.python": frozenset(
        ("c2ab6c609e85396e", "cce50567e455edb2", "245cee1ff61547b6", "23d4f54f76a3ab19")
        + ("85b5627add2ecee1", "e415652a719bd368")
    ),
    "_pytest.fixtures": frozenset(
        ("5a57d971fff82b77", "4faca3854bfe391a", "e5e65ddef6c92d4d", "096f4a095320f34b")
        + ("0a63320dff062a44", "29d5365c47549b45")
    ),
    "_pytest.main": frozenset(
        ("749795ad3d5bdf04", "8dcac647eab07527", "5bdef41ec8036a7c", "f4576f5d73c3afb0")
        + ("012efbe193237502", "f814505d7c0cadb4")
    ),
    "_pytest.nodes": frozenset(
        ("2eccc1ce95dcab74", "9ad44d881bf82306", "e7d4c5de75858356", "653273b794a6b253")
        + ("86be75d1b674c8c5", "a113cf64a4f6db8a", "bb732b0e091c571f")
    ),
}

# What is done here instead, for functions that are plain.
METHODS: Tuple[Tuple[Any, str], ...] = (
    (python.PyCollector, "istestfunction"),
    (python.PyCollector, "funcnamefilter"),
    (python.PyCollector, "isnosetest"),
    (python.PyCollector, "_genfunctions"),
    (python.Function, "__init__"),
    (python.Function, "from_parent"),
    (python.Function, "_initrequest"),
    (python.Function, "_getobj"),
    (python.FunctionDefinition, "__init__"),
    (fixtures.FixtureManager, "getfixtureinfo"),
    (fixtures.FixtureManager, "pytest_generate_tests"),
)


def current(holder: Any, name: str) -> Any:
    found = getattr(holder, name)
    return getattr(found, "__func__", found)


ORIGINALS = {key: current(*key) for key in METHODS}
original: Any = python.PyCollector.collect
genitems_original: Any = main.Session.genitems

Closure = Tuple[Tuple[str, ...], List[str], Dict[str, Any]]


def is_understood(collector: Any) -> bool:
    """Only pytest itself makes items of this collector's functions, in its usual way."""
    if type(collector) is not python.Module and type(collector) is not python.Class:
        return False
    if any(current(holder, name) is not method for (holder, name), method in ORIGINALS.items()):
        return False
    return {"_pytest.python", "_pytest.fixtures"}.issuperset(
        str(one.function.__module__)
        for one in collector.ihook.pytest_generate_tests.get_hookimpls()
    )


def foreign_makers(collector: Any) -> Optional[int]:
    """How many of others' hooks are asked of each function but do nothing once they were asked of
    one of the collector's; None: one may do more."""
    count = 0
    for implementation in collector.ihook.pytest_pycollect_makeitem.get_hookimpls():
        if str(implementation.function.__module__) not in ("_pytest.python", "_pytest.unittest"):
            if not transparent.find("pytest_pycollect_makeitem", implementation, collector.config):
                return None
            count += 1
    return count


def is_plain(function: Any) -> bool:
    """A function without attributes but marks, so that all that pytest looks for is absent."""
    return (
        type(function) is FunctionType
        and not function.__code__.co_flags & inspect.CO_GENERATOR
        and function.__dict__.keys() <= {"pytestmark"}
    )


class Maker:
    """Makes the items of one collector."""

    def __init__(self, collector: Any) -> None:
        self.collector = collector
        self.manager = collector.session._fixturemanager
        self.prefixes = tuple(collector.config.getini("python_functions"))
        self.cls = collector.cls
        self.closures: Dict[Tuple[str, ...], Optional[Closure]] = {}
        module = collector.getparent(python.Module).obj
        self.parametrizes = hasattr(module, "pytest_generate_tests") or (
            self.cls is not None and hasattr(self.cls, "pytest_generate_tests")
        )
        self.usefixtures: Tuple[str, ...] = ()
        for mark in collector.iter_markers():
            if mark.name == "parametrize":
                self.parametrizes = True
            elif mark.name == "usefixtures":
                self.usefixtures += mark.args

    def make(self, name: str, function: FunctionType) -> Optional[Any]:
        """The item; None where pytest has to be asked."""
        names = self.usefixtures
        if self.parametrizes or not name.isidentifier():
            return None
        if function.__dict__:
            marks = get_unpacked_marks(function)
            if any(mark.name == "parametrize" for mark in marks):
                return None
            names = tuple(a for m in marks if m.name == "usefixtures" for a in m.args) + names
        arguments = hotspots.getfuncargnames(function, name=name, cls=self.cls)
        names += arguments
        nodeid = f"{self.collector.nodeid}::{name}"
        if names not in self.closures:
            self.closures[names] = self._closure_of(names, nodeid)
        closure = self.closures[names]
        if closure is None:
            return None
        initial, ordered, definitions = closure
        info = fixtures.FuncFixtureInfo(arguments, initial, ordered[:], definitions.copy())
        return make_function(self.collector, name, nodeid, info)

    def _closure_of(self, names: Tuple[str, ...], nodeid: str) -> Optional[Closure]:
        """What these names lead to for any function of the collector; None where functions differ
        or a fixture has parameters."""
        closure: Closure = self.manager.getfixtureclosure(names, Stand(nodeid))
        below = self.collector.nodeid + "::"
        if any(known.startswith(below) for known in self.manager._nodeid_autousenames):
            return None
        for name in closure[1]:
            if any(one.params is not None for one in closure[2].get(name, ())):
                return None
            if any(
                one.baseid.startswith(below) for one in self.manager._arg2fixturedefs.get(name, ())
            ):
                return None
        return closure


class Stand:
    """Stands for the node of a function that is not made yet."""

    __slots__ = ("nodeid",)

    def __init__(self, nodeid: str) -> None:
        self.nodeid = nodeid


def make_function(parent: Any, name: str, nodeid: str, info: Any) -> Any:
    """Function.from_parent(parent, name=name, fixtureinfo=info)."""
    item: Any = object.__new__(python.Function)
    item.name = name
    item.parent = parent
    item.config = parent.config
    item.session = parent.session
    item.path = parent.path
    item.keywords = keywords = NodeKeywords(item)
    item.own_markers = []
    item.extra_keyword_matches = set()
    item._nodeid = nodeid
    item.stash = item._store = Stash()
    item._report_sections = []
    item.user_properties = []
    item.originalname = name
    holder = parent.newinstance() if type(parent) is python.Class else parent.obj
    item._obj = found = getattr(holder, name)
    if found.__dict__:
        item.own_markers.extend(get_unpacked_marks(found))
        keywords.update((mark.name, mark) for mark in item.own_markers)
        keywords.update(found.__dict__)
    item._fixtureinfo = info
    item.fixturenames = info.names_closure
    item._initrequest()
    return item


def namespaces(holder: Any) -> Iterator[Any]:
    yield getattr(holder, "__dict__", {})
    if isinstance(holder, type):
        for base in holder.__mro__:
            yield base.__dict__


def collect(self: Any) -> List[Any]:
    """PyCollector.collect."""
    __tracebackhide__ = True  # no frame of ours where making an item fails
    holder = self.obj
    foreign = foreign_makers(self) if is_understood(self) else None
    if foreign is None or not getattr(holder, "__test__", True):
        found: List[Any] = original(self)
        return found
    maker, hooks = Maker(self), self.ihook
    seen, levels = set(python.IGNORED_ATTRIBUTES), []
    for namespace in list(namespaces(holder)):
        values: List[Any] = []
        for name, obj in list(namespace.items()):
            if name in seen:
                continue
            seen.add(name)
            if is_plain(obj):
                if not name.startswith(maker.prefixes) and not self.funcnamefilter(name):
                    continue
                item = None if foreign else maker.make(name, obj)
                foreign = 0
                if item is not None:
                    values.append(item)
                    continue
            made = hooks.pytest_pycollect_makeitem(collector=self, name=name, obj=obj)
            if isinstance(made, list):
                values.extend(made)
            elif made is not None:
                values.append(made)
        levels.append(values)
    return [item for values in reversed(levels) for item in values]


def genitems(self: Any, node: Any) -> Iterator[Any]:
    """Session.genitems; a module's functions without a hook that nobody implements."""
    if (
        type(node) is not python.Module
        or node.ihook.pytest_itemcollected.get_hookimpls()
        or self.config.option.debug
    ):
        yield from genitems_original(self, node)
        return
    report = collect_one_node(node)
    if report.passed:
        for below in report.result:
            if type(below) is python.Function:
                yield below
            else:
                yield from self.genitems(below)
    node.ihook.pytest_collectreport(report=report)


def install() -> None:
    """Into pytest, where all of its files that matter are ones that were read."""
    methods: List[Any] = [original, genitems_original, *ORIGINALS.values()]
    if all(str(method.__module__).startswith("_pytest.") for method in methods) and all(
        transparent.digest_of(module)[:16] in digests for module, digests in READ.items()
    ):
        setattr(python.PyCollector, "collect", collect)
        setattr(main.Session, "genitems", genitems)
