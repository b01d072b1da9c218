"""What collecting spends most time on, answered faster; pytest 7.0 to 7.4.

pytest asks inspect.signature which arguments a test needs. For a plain
function its code object says the same.
"""

from __future__ import annotations

import inspect
from types import FunctionType
from typing import Any, Optional, Tuple

from _pytest import compat, fixtures, python

from fastest_worker import known

# With one of these inspect.signature looks elsewhere, or pytest drops names.
REDIRECTED = frozenset(("__wrapped__", "__signature__", "_partialmethod"))

original: Any = compat.getfuncargnames


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


def install() -> None:
    if not known.supports_short():
        return
    for module in (fixtures, python):
        if getattr(module, "getfuncargnames", None) is original:
            setattr(module, "getfuncargnames", getfuncargnames)
