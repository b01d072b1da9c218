"""What collects faster answers as pytest's own does."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from runners import PYTHON, environment, pytest_version

WORKER = Path(__file__).resolve().parents[3] / "agent" / "worker"
COMPARE = """
import functools, sys
from unittest import mock
sys.path.insert(0, sys.argv[1])
from fastest_worker import hotspots

def none(): pass
def some(a, b): pass
def defaults(a, b=1, *c, d, e=2, **f): pass
def positional(a, b, /, c, d=1): pass
def only_defaults(a=1): pass
def keywords(*, a, b=1, c): pass
@functools.wraps(some)
def wrapped(*args): pass
@mock.patch("os.getcwd")
def patched(cwd, a): pass
def signed(a): pass
signed.__signature__ = hotspots.inspect.signature(some)
class C:
    def method(self, a): pass
    def nothing(): pass
    @staticmethod
    def static(a): pass
    @classmethod
    def cls(cls, a): pass
    part = functools.partialmethod(method, 1)
part = functools.partial(some, 1)
plain = [none, some, defaults, positional, only_defaults, keywords, wrapped, patched, signed, part]
calls = [(f, {"name": "f"}) for f in plain]
calls += [(some, {"is_method": True}), (none, {"is_method": True}), (C().method, {})]
for name in ("method", "nothing", "static", "cls", "part"):
    calls.append((getattr(C, name), {"name": name, "cls": C}))
    calls.append((getattr(C(), name), {"name": name, "cls": C}))
def answer(find, function, more):
    try:
        return find(function, **more)
    except BaseException as error:  # pytest.fail()
        return str(error)
for function, more in calls:
    expected = answer(hotspots.original, function, more)
    found = answer(hotspots.getfuncargnames, function, more)
    assert found == expected, (function, more, expected, found)
print(len(calls))
"""


@pytest.mark.skipif(pytest_version() >= (8, 0), reason="pytest 8 and 9 are left as they are")
def test_argument_names_are_those_that_pytest_finds() -> None:
    done = subprocess.run(
        [PYTHON, "-c", COMPARE, str(WORKER)], capture_output=True, text=True, env=environment()
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 20
