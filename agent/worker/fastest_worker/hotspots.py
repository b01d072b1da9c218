"""What collecting spends most time on, answered faster; but for one, of pytest 7.0 to 7.4.

- pytest asks inspect.signature which arguments a test needs. For a plain
  function its code object says the same.
- It reorders items by the parameters of fixtures with a higher scope, and looks
  for these in each item and scope. Where there are none, the order stays.
- It reads rewritten modules by marshal.load(), which asks the file for each
  number and name. (Any version.)
"""

from __future__ import annotations

import inspect
import marshal
from types import FunctionType
from typing import Any, List, Optional, Tuple

from _pytest import compat, fixtures, python
from _pytest.assertion import rewrite
from _pytest.scope import Scope

from fastest_worker import known

# With one of these inspect.signature looks elsewhere, or pytest drops names.
REDIRECTED = frozenset(("__wrapped__", "__signature__", "_partialmethod"))

original: Any = compat.getfuncargnames
original_reorder: Any = fixtures.reorder_items


def required_names(function: FunctionType) -> Tuple[str, ...]:
    """Of the parameters without default that can be given by name, in order."""
    code, defaults = function.__code__, function.__defaults__
    count = code.co_argcount
    first = count - len(defaults) if defaults else count
    names = code.co_varnames[code.co_posonlyargcount : first]
    if code.co_kwonlyargcount:
        given = function.__kwdefaults__ or {}
        keywords = code.co_varnames[count : count + code.co_kwonlyargcount]
        names += tuple(name for name in keywords if name not in given)
    return names


def getfuncargnames(
    function: Any, *, name: str = "", is_method: bool = False, cls: Optional[type] = None
) -> Tuple[str, ...]:
    """pytest's function of this name."""
    if type(function) is not FunctionType or not REDIRECTED.isdisjoint(function.__dict__):
        result: Tuple[str, ...] = original(function, name=name, is_method=is_method, cls=cls)
        return result
    names = required_names(function)
    if is_method or (
        cls
        and not isinstance(
            inspect.getattr_static(cls, name or function.__name__, None), staticmethod
        )
    ):
        return names[1:]
    return names


def reorder_items(items: Any) -> List[Any]:
    """pytest's function of this name."""
    for item in items:
        callspec = getattr(item, "callspec", None)
        if callspec is not None:
            for name in callspec.indices:
                if callspec._arg2scope[name] is not Scope.Function:
                    result: List[Any] = original_reorder(items)
                    return result
    return list(dict.fromkeys(items))


class Marshal:
    """The module as pytest's rewriting uses it."""

    dumps = staticmethod(marshal.dumps)

    @staticmethod
    def load(file: Any) -> Any:
        return marshal.loads(file.read())


def install() -> None:
    if getattr(rewrite, "marshal", None) is marshal:
        setattr(rewrite, "marshal", Marshal)
    if not known.supports_short():
        return
    if fixtures.reorder_items is original_reorder:
        setattr(fixtures, "reorder_items", reorder_items)
    for module in (fixtures, python):
        if getattr(module, "getfuncargnames", None) is original:
            setattr(module, "getfuncargnames", getfuncargnames)
    from fastest_worker import functions  # has no use for another version's modules

    functions.install()
