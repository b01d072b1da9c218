"""Which pytest runs here, for all that differs between its versions."""

from __future__ import annotations

import inspect
import re
from typing import Any, Optional, Tuple

import pytest
from _pytest import main

NEWEST_MAJOR = 9


def numbers_of(text: str) -> Optional[Tuple[int, int]]:
    """(major, minor) of "9.1.1" or "8.4.0.dev5+g1234"; None where it says nothing: a build from a
    checkout without tags calls itself "0.1.dev1+g1234"."""
    found = re.match(r"([1-9]\d*)\.(\d+)", text)
    return (int(found[1]), int(found[2])) if found else None


def looks_like() -> Tuple[int, int]:
    """The oldest version whose shape this pytest has."""
    if not hasattr(pytest, "Directory"):
        return (7, 0)
    resolve: Any = main.resolve_collection_argument
    if "consider_namespace_packages" in inspect.signature(resolve).parameters:
        return (9, 0)
    return (8, 0)


TOLD = numbers_of(pytest.__version__)
VERSION: Tuple[int, int] = TOLD or looks_like()
# --tb=line: the report, and below it the line; before, the line alone.
LINE_BELOW_REPORT = VERSION >= (9, 0)


def why_unsure() -> str:
    """Why collecting file by file might not be this pytest's way, or ""."""
    if TOLD is None:
        return f"pytest {pytest.__version__} does not say which version it is"
    if VERSION[0] > NEWEST_MAJOR:
        return f"pytest {pytest.__version__} is newer than fastest knows"
    return ""
