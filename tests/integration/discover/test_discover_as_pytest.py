"""`fastest-coord discover` lists what `pytest --collect-only` lists, in its order."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from runners import BIN, PYTEST_SCRIPT, PYTHON, Ended, environment, write_files

TIMEOUT_S = 600


def run(command: list[str], cwd: Path) -> Ended:
    done = subprocess.run(
        command,
        cwd=cwd,
        env=environment(PYTHONDONTWRITEBYTECODE="1", MPLBACKEND="agg"),
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
    )
    return Ended(done.returncode, done.stdout, done.stderr)


def discover(cwd: Path, *args: str) -> Ended:
    return run([str(BIN / "fastest-coord"), "discover", *args], cwd)


def functions_of_pytest(cwd: Path, *args: str) -> list[str]:
    """pytest's node ids without parameters, each once."""
    command = [PYTHON, "-c", PYTEST_SCRIPT, "--collect-only", "-q", "-p", "no:cacheprovider"]
    ended = run([*command, "--continue-on-collection-errors", *args], cwd)
    lines = [
        line
        for line in ended.out.splitlines()
        if "::" in line and not line.startswith(("ERROR", "FAILED", " "))
    ]
    assert lines, ended.out + ended.err
    return list(dict.fromkeys(line.partition("[")[0] for line in lines))


def assert_as_pytest(cwd: Path, *args: str) -> list[str]:
    expected = functions_of_pytest(cwd, *args)
    assert discover(cwd, *args).out.splitlines() == expected
    return expected


CASES = """
import enum, functools, unittest, pytest
from unittest import TestCase as Case
from helpers import *
from helpers import Shared, Local as Renamed, test_imported
import helpers as h

def test_first(): pass
def check(): pass
test_alias = check
test_wrapped = functools.partial(check)
test_lambda = lambda: None
test_data = [1, 2]
test_none = None

@pytest.fixture
def test_fixture(): pass

@pytest.mark.parametrize("a", ["x::y", "[", "z]"])
@pytest.mark.parametrize("b", range(2))
def test_params(a, b): pass

class TestPlain(h.Base):
    def test_own(self): pass
    @staticmethod
    def test_static(): pass
    @property
    def test_property(self): pass
    async def test_async(self): pass
    class TestInner:
        def test_inner(self): pass
    test_base_masked = None

class TestDiamond(h.Left, h.Right):
    def test_z(self): pass
    def test_a(self): pass

class TestInit:
    def __init__(self): pass
    def test_no(self): pass

class TestEnum(enum.Enum):
    def test_no(self): pass

class TestError(Exception):
    def test_no(self): pass

class Unit(unittest.TestCase):
    def test_b(self): pass
    def test_a(self): pass
    testC = test_a
    def helper(self): pass

class UnitChild(Unit, h.Mixin):
    test_b = None

class OneCase(Case):
    def runTest(self): pass

class Hidden(Case):
    __test__ = False
    def test_no(self): pass

class TestTurnedOff:
    def test_no(self): pass
TestTurnedOff.__test__ = False

def test_twice(): pass
def test_deleted(): pass
def test_twice(): pass
del test_deleted

if False:
    def test_never(): pass
try:
    def test_tried(): pass
except ImportError:
    test_tried = None
def test_deleted(): pass
"""

HELPERS = """
import unittest
__all__ = ["test_star", "TestStar"]
def test_star(): pass
def test_not_exported(): pass
def test_imported(): pass
class TestStar:
    def test_s(self): pass
class Shared(unittest.TestCase):
    def test_shared(self): pass
class Local(unittest.TestCase):
    def test_local(self): pass
class Base:
    def test_base(self): pass
    def test_base_masked(self): pass
class Root:
    def test_root(self): pass
class Left(Root):
    def test_left(self): pass
class Right(Root):
    def test_right(self): pass
    def test_root(self): pass
class Mixin:
    def test_mixin(self): pass
"""


def test_every_kind_of_definition(tmp_path: Path) -> None:
    write_files(tmp_path, {"helpers.py": HELPERS, "test_cases.py": CASES})
    found = assert_as_pytest(tmp_path)
    assert len(found) == 30


TREE = {
    "test_top.py": "def test_top(): pass\n",
    "conftest.py": "collect_ignore = ['pkg/test_ignored.py']\ncollect_ignore_glob = ['*_glob']\n",
    "pkg/__init__.py": "def test_init(): pass\n",
    "pkg/test_b.py": "from . import util\nclass TestB(util.Base): pass\n",
    "pkg/Upper_test.py": "def test_upper(): pass\n",
    "pkg/test_ignored.py": "def test_no(): pass\n",
    "pkg/util.py": "class Base:\n    def test_base(self): pass\n",
    "pkg/sub/__init__.py": "",
    "pkg/sub/test_c.py": "from ..util import Base\nclass TestC(Base): pass\n",
    "pkg/data/test_d.py": "def test_d(): pass\n",
    "pkg/data/deep/__init__.py": "",
    "pkg/data/deep/test_e.py": "def test_e(): pass\n",
    "some_glob/test_no.py": "def test_no(): pass\n",
    "build/test_no.py": "def test_no(): pass\n",
    "other/test_f.py": "def test_f(): pass\n",
    "other/check.py": "def test_g(): pass\n",
}


@pytest.mark.parametrize(
    "args",
    [
        (),
        ("pkg",),
        ("pkg/sub", "pkg"),
        ("other", "pkg/data"),
        ("other/check.py", "test_top.py"),
        ("pkg/test_b.py::TestB", "pkg/sub/test_c.py::TestC::test_base"),
        ("--ignore=pkg/sub", "--ignore-glob=*/deep"),
        ("--deselect=pkg/sub/test_c.py::TestC", "--deselect", "test_top.py"),
        ("-o", "python_files=*.py __init__.py"),
        ("-o", "python_files=pkg/*/test_*.py", "-o", "norecursedirs=deep"),
        ("-o", "python_classes=Base", "-o", "python_functions=test_[df]"),
    ],
)
def test_the_walk_over_packages_and_folders(tmp_path: Path, args: tuple[str, ...]) -> None:
    assert_as_pytest(write_files(tmp_path, TREE), *args)


def test_testpaths_of_an_ini_file(tmp_path: Path) -> None:
    ini = "[pytest]\ntestpaths = other p*/data\npython_files = check.py test_*.py\n"
    found = assert_as_pytest(write_files(tmp_path, {**TREE, "pytest.ini": ini}))
    assert found[0].startswith("other/")


# Debian's packages of these suites, and which part of each is compared.
SUITES = [
    ("networkx", "networkx"),
    ("skimage", "skimage"),
    ("sympy", "sympy/core"),
    ("sympy", "sympy/polys"),
    ("pandas", "pandas/tests/frame"),
    ("pandas", "pandas/tests/extension"),
    ("numpy", "numpy/lib"),
    ("twisted", "twisted/web"),
]


def copy_suite(package: str, to: Path) -> None:
    code = (
        f"import importlib.util as u; print(u.find_spec({package!r}).submodule_search_locations[0])"
    )
    found = run([PYTHON, "-c", code], to)
    if found.status:
        pytest.skip(f"{package} isn't installed for {PYTHON}")
    source = Path(found.out.strip())
    if not [*source.glob("test*"), *source.glob("*/test*")]:
        pytest.skip(f"the installed {package} comes without its tests")
    shutil.copytree(source, to / package, ignore=shutil.ignore_patterns("__pycache__"))


@pytest.mark.parametrize(("package", "part"), SUITES, ids=[part for _, part in SUITES])
def test_real_suites(tmp_path: Path, package: str, part: str) -> None:
    copy_suite(package, tmp_path)
    expected = functions_of_pytest(tmp_path, part)
    ours = discover(tmp_path, part).out.splitlines()
    both = set(expected) & set(ours)
    assert len(both) >= 0.998 * len(expected), sorted(set(expected) - both)[:20]
    # Modules that skip themselves, or can't be imported here, can't be foreseen.
    imported = {test.partition("::")[0] for test in expected}
    extra = [test for test in ours if test not in both and test.partition("::")[0] in imported]
    assert len(extra) <= 0.01 * len(ours), extra[:20]
    assert [test for test in ours if test in both] == [test for test in expected if test in both]
