"""Items that are made at once are those that pytest's own way makes."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from runners import PYTHON, environment, write_files

ADDRESS = re.compile(r" at 0x[0-9a-f]+")
WORKER = Path(__file__).resolve().parents[3] / "agent" / "worker"
# Collects, and says all there is to say of each item.
DESCRIBE = """
import sys
import pytest
sys.path.insert(0, sys.argv.pop(1))
from fastest_worker import functions, known
made = []
make = functions.make_function
def note(parent, name, *more):
    made.append(name)
    return make(parent, name, *more)
functions.make_function = note
if sys.argv.pop(1) == "ours":
    functions.install()

def attributes(item):
    found = {**vars(item), "path": item.path, "nodeid": item.nodeid, "name": item.name}
    assert found["config"] is item.session.config and item._store is item.stash
    for name in ("config", "session", "parent", "_request", "_fixtureinfo", "obj", "_obj", "stash"):
        found.pop(name, None)
    found["keywords"] = list(item.keywords.items())
    found["own"] = {name: item.keywords[name] for name in item.keywords._markers}
    found["parents"] = [node.nodeid for node in item.listchain()]
    found["marks"] = list(item.iter_markers())
    found["function"] = getattr(item, "function", None)
    found["bound"] = type(getattr(item.obj, "__self__", None))
    if hasattr(item, "_fixtureinfo"):
        info = item._fixtureinfo
        found["info"] = (info.argnames, info.initialnames, info.names_closure)
        found["definitions"] = {k: [(d.baseid, d.func, d.params) for d in v]
                                for k, v in info.name2fixturedefs.items()}
        assert item.fixturenames is info.names_closure
        request = {**vars(item._request), "_arg2fixturedefs": list(item._request._arg2fixturedefs)}
        for name in ("_pyfuncitem", "_fixturemanager"):
            request.pop(name)
        found["request"] = request
    return found

class Plugin:
    def pytest_collection_finish(self, session):
        for item in session.items:
            print("ITEM", type(item), sorted((k, repr(v)) for k, v in attributes(item).items()))
        closures = [id(i.fixturenames) for i in session.items if not hasattr(i, "callspec")]
        assert len(set(closures)) == len(closures)

pytest.main(["--co", "-qq", "-p", "no:cacheprovider", *sys.argv[1:]], plugins=[Plugin()])
print("MADE", " ".join(made))
"""
CONFTEST = """
import pytest
@pytest.fixture(autouse=True)
def always(): pass
@pytest.fixture
def one(two): pass
@pytest.fixture(scope="module")
def two(): pass
@pytest.fixture(params=[1, 2])
def many(): pass
"""
MODULE = """
import functools, unittest
from unittest import mock
import pytest
pytestmark = pytest.mark.usefixtures("two")
@pytest.fixture
def one(one): pass
@pytest.fixture(autouse=True, scope="class")
def klass(): pass
def test_a(): pass
def test_b(one, missing): pass
def test_again(one): pass
def test_again_too(one): pass
def test_default(one=1): pass
@pytest.mark.slow
@pytest.mark.usefixtures("one")
def test_marked(): pass
@pytest.mark.parametrize("x", [1, 2])
def test_parametrized(x): pass
def test_many(many): pass
@mock.patch("os.getcwd")
def test_patched(cwd): pass
@functools.wraps(test_a)
def test_wrapped(): pass
def test_attribute(): pass
test_attribute.extra = 1
def test_off(): pass
test_off.__test__ = False
def helper(): pass
helper.__test__ = True
def test_generator(): yield
async def test_async(): pass
test_lambda = lambda: None
test_partial = functools.partial(test_b, 1)
test_number = 17
test_twice = test_a
globals()["test_a::b"] = test_a
class TestA:
    pytestmark = [pytest.mark.of_class]
    @pytest.fixture
    def own(self, one): pass
    def test_a(self): pass
    def test_b(self, own): pass
    @staticmethod
    def test_static(one): pass
    @classmethod
    def test_class(cls, one): pass
    class TestInner:
        def test_a(self, own): pass
class TestB(TestA):
    def test_b(self): pass
    def test_c(self): pass
@pytest.mark.parametrize("y", [1])
class TestC:
    def test_a(self, y): pass
class TestD:
    def pytest_generate_tests(self, metafunc):
        if metafunc.function.__name__ == "test_b": metafunc.parametrize("z", [5])
    def test_a(self): pass
    def test_b(self, z): pass
class TestE(unittest.TestCase):
    def test_a(self): pass
"""
GENERATING = """
def pytest_generate_tests(metafunc):
    if "n" in metafunc.fixturenames: metafunc.parametrize("n", [1, 2])
def test_a(): pass
def test_n(n): pass
"""
OWN_HOOK = "def pytest_pycollect_makeitem(collector, name, obj):\n    return None\n"
PLAIN = "def test_a(): pass\n"


def describe(root: Path, way: str) -> tuple[list[str], list[str]]:
    """What is said of the items, and of which functions they were made at once."""
    args = [PYTHON, "-c", DESCRIBE, str(WORKER), way]
    env = environment(PYTEST_DISABLE_PLUGIN_AUTOLOAD="1")
    done = subprocess.run(args, cwd=root, capture_output=True, text=True, env=env)
    assert "MADE" in done.stdout, done.stdout + done.stderr
    lines = [line for line in done.stdout.split("\n") if line.startswith(("ITEM", "MADE"))]
    return [ADDRESS.sub("", line) for line in lines[:-1]], lines[-1].split()[1:]


def test_items_are_as_pytest_makes_them(tmp_path: Path) -> None:
    files = {"conftest.py": CONFTEST, "test_a.py": MODULE, "sub/test_g.py": GENERATING}
    files |= {"own/conftest.py": OWN_HOOK, "own/test_o.py": PLAIN, "sub/test_p.py": PLAIN}
    write_files(tmp_path, {**files, "pytest.ini": "[pytest]\nmarkers = slow\n  of_class\n"})
    expected, none = describe(tmp_path, "pytest")
    found, made = describe(tmp_path, "ours")
    assert found == expected and not none
    module = "a b again again_too default marked async lambda twice"
    classes = "a b a b c a a"  # TestA, its TestInner, TestB, that again
    if made:  # pytest's files are ones that were read
        assert made == [f"test_{name}" for name in f"{module} {classes} a".split()]
