"""One worker, or two, say what plain pytest says of small odd projects.

Where a project's tests write to order.log, the order of everything that they
do (set-ups and tear-downs of all scopes) equals plain pytest's too.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from runners import needs_plugins, plain, pytest_version, write_files
from standin import Worker, deal

LOG = """
def log(text):
    with open("order.log", "a") as file: file.write(text + "\\n")
"""

FIXTURES = {
    "noted.py": LOG,
    "pytest.ini": "[pytest]\npythonpath = .\n",
    "conftest.py": """
import pytest
from noted import log
def make(scope):
    @pytest.fixture(scope=scope, name=scope)
    def fixture(request):
        log(f"+{scope} {request.node.nodeid}")
        yield
        log(f"-{scope} {request.node.nodeid}")
    return fixture
for scope in ("session", "package", "module", "class", "function"):
    globals()["f_" + scope] = make(scope)
""",
    "p/__init__.py": "",
    "p/conftest.py": """
import pytest
from noted import log
@pytest.fixture(scope="package", autouse=True)
def auto():
    log("+auto p")
    yield
    log("-auto p")
""",
}
SCOPED = """
from noted import log
import pytest
def setup_module(): log("setup " + __name__)
def teardown_module(): log("teardown " + __name__)
def test_a(session, module): log("a")
class TestC:
    @classmethod
    def setup_class(cls): log("setup C")
    @classmethod
    def teardown_class(cls): log("teardown C")
    def setup_method(self): log("setup m")
    def teardown_method(self): log("teardown m")
    def test_b(self, function): log("b")
    def test_c(self, module): log("c")
class TestD:
    @pytest.mark.parametrize("x", [1, 2])
    def test_d(self, request, x): log(f"d{x}")
def test_e(session): log("e")
"""
for _name in ("test_top.py", "p/test_one.py", "p/test_two.py", "q/test_q.py", "p/r/test_r.py"):
    FIXTURES[_name] = SCOPED
FIXTURES["p/r/__init__.py"] = ""

TEARDOWN_ERRORS = {
    "test_x.py": """
import pytest
@pytest.fixture(scope="function")
def f():
    yield
    raise ValueError("function")
@pytest.fixture(scope="class")
def c():
    yield
    raise ValueError("class")
@pytest.fixture(scope="module")
def m():
    yield
    raise ValueError("module")
@pytest.fixture(scope="session")
def s():
    yield
    raise ValueError("session")
def test_f(f): pass
class TestC:
    def test_1(self, c): pass
    def test_2(self, c): assert 0
def test_m1(m, s): pass
def test_m2(m): pass
""",
    "test_y.py": "def test_y(): pass\n",
}

PROJECTS: dict[str, tuple[dict[str, str], list[str]]] = {
    "fixtures of all scopes": (FIXTURES, []),
    "errors in tear-downs of all scopes": (TEARDOWN_ERRORS, []),
    "a package with tests in its __init__": (
        {
            "pytest.ini": "[pytest]\npython_files = *.py\n",
            "p/__init__.py": "def test_init(): pass\n",
            "p/test_a.py": "def test_a(): pass\n",
            "p/q/__init__.py": "def test_q(): assert 0\n",
        },
        [],
    ),
    "equal basenames": (
        {"a/test_x.py": "def test_a(): pass\n", "b/test_x.py": "def test_b(): pass\n"},
        [],
    ),
    "import mode importlib": (
        {"a/test_x.py": "def test_a(): pass\n", "b/test_x.py": "def test_b(): assert 0\n"},
        ["--import-mode=importlib"],
    ),
    "conftest tree": (
        {
            "conftest.py": "import pytest\n@pytest.fixture\ndef v(): return 1\n",
            "a/conftest.py": "import pytest\n@pytest.fixture\ndef v(v): return v + 1\n",
            "a/b/conftest.py": "import pytest\n@pytest.fixture\ndef v(v): return v + 1\n",
            "a/test_a.py": "def test_a(v): assert v == 2\n",
            "a/b/test_b.py": "def test_b(v): assert v == 3\n",
            "test_0.py": "def test_0(v): assert v == 1\n",
        },
        [],
    ),
    "modules that skip, fail or exit at import": (
        {
            "test_a.py": "import pytest\npytest.skip('no', allow_module_level=True)\n",
            "test_b.py": "import pytest\npytest.importorskip('nothing_like_it')\n",
            "test_c.py": "def test_c(: pass\n",
            "test_d.py": "import nothing_like_it\n",
            "test_e.py": "import sys\nsys.exit(3)\n",
            "test_f.py": "def test_f(): pass\n",
            "test_g.py": "import pytest\npytestmark = pytest.mark.skip('all')\ndef test_g(): 1/0\n",
            "test_h.py": "import pytest\npytest.skip('not allowed')\n",
            "test_i.py": "import pytest\npytest.fail('at import')\n",
        },
        [],
    ),
    "marks": (
        {
            "test_x.py": """
import pytest
@pytest.mark.parametrize("x", [])
def test_empty(x): pass
@pytest.mark.xfail(strict=True)
def test_strict(): pass
@pytest.mark.xfail
def test_xpass(): pass
@pytest.mark.xfail(raises=ValueError)
def test_raises(): raise KeyError
@pytest.mark.xfail(run=False)
def test_norun(): 1/0
@pytest.mark.skipif("sys.platform == 'linux'")
def test_skipif(): pass
@pytest.mark.usefixtures("nothing")
def test_nothing(): pass
@pytest.mark.parametrize("x", ["ä", "日本", "a b", "a::b", "[", "]", "", "\\n", "\\x00", "\\ud800"])
def test_id(x): pass
def test_imperative(): pytest.xfail("now")
def test_skip(): pytest.skip("now")
"""
        },
        [],
    ),
    "unittest": (
        {
            "test_x.py": """
import unittest
def setUpModule(): pass
class Base(unittest.TestCase):
    @classmethod
    def setUpClass(cls): cls.seen = []
    def test_1(self): self.seen.append(1)
    def test_2(self): self.assertEqual(self.seen, [1])
    @unittest.skip("no")
    def test_3(self): 1/0
    @unittest.expectedFailure
    def test_4(self): 1/0
    @unittest.expectedFailure
    def test_5(self): pass
    def test_6(self):
        with self.subTest("sub"): self.fail()
class Derived(Base):
    def test_7(self): self.addCleanup(lambda: 1/0)
class Broken(unittest.TestCase):
    @classmethod
    def setUpClass(cls): raise ValueError
    def test_8(self): pass
class BrokenDown(unittest.TestCase):
    @classmethod
    def tearDownClass(cls): raise ValueError
    def test_9(self): pass
    def test_a(self): pass
@unittest.skip("all of it")
class Skipped(unittest.TestCase):
    def test_b(self): pass
class Async(unittest.IsolatedAsyncioTestCase):
    async def test_c(self): pass
    async def test_d(self): 1/0
"""
        },
        [],
    ),
    "inherited, imported and made tests": (
        {
            "test_base.py": """
class Base:
    def test_a(self): assert self.ok
class TestOne(Base): ok = True
class TestTwo(Base): ok = False
def test_imported(): pass
class TestMade: pass
for i in range(3):
    setattr(TestMade, f"test_{i}", lambda self, i=i: 1 / i)
""",
            "test_more.py": "from test_base import *\nclass TestThree(TestOne): pass\n",
        },
        [],
    ),
    "doctests": (
        {
            "m.py": 'def f():\n    """\n    >>> f()\n    1\n    """\n    return 1\n',
            "test_x.py": 'def f():\n    """\n    >>> 1\n    2\n    """\ndef test_a(): pass\n',
            "notes/test_notes.txt": ">>> 1 + 1\n2\n",
            "p/__init__.py": '"""\n>>> 1\n1\n"""\n',
            "p/n.py": '"""\n>>> 1\n3\n"""\n',
        },
        ["--doctest-modules"],
    ),
    "warnings are errors": (
        {
            "test_x.py": """
import warnings, pytest
def test_a(): warnings.warn("x")
@pytest.mark.filterwarnings("ignore")
def test_b(): warnings.warn("x")
@pytest.fixture(scope="module")
def m():
    yield
    warnings.warn("late")
def test_c(m): pass
""",
            "test_y.py": "import warnings\nwarnings.warn('at import')\ndef test_y(): pass\n",
            "test_z.py": "def test_z(): pass\n",
        },
        ["-W", "error"],
    ),
    "plugins of -p and conftest": (
        {
            "plug.py": "import pytest\n@pytest.fixture\ndef p(): return 'p'\n",
            "plug2.py": """
import pytest
@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    if item.name == "test_b" and call.when == "call":
        outcome.get_result().outcome = "passed"
""",
            "pytest.ini": "[pytest]\npythonpath = .\n",
            "conftest.py": "pytest_plugins = ['plug', 'plug2']\n",
            "test_x.py": "def test_a(p): assert p == 'p'\ndef test_b(): assert 0\n",
        },
        ["-p", "no:doctest", "-p", "no:pytest_doctestplus"],  # which needs the other
    ),
    "async tests, re-runs, mocks": (
        {
            "test_x.py": """
import pytest, asyncio
@pytest.mark.asyncio
async def test_a(): await asyncio.sleep(0)
async def test_b(): pass
count = 0
@pytest.mark.flaky(reruns=2)
def test_c():
    global count
    count += 1
    assert count == 2
@pytest.mark.flaky(reruns=1)
def test_d(): assert 0
def test_e(mocker): mocker.patch("os.getcwd", side_effect=ValueError)
from hypothesis import given, strategies
@given(strategies.integers())
def test_f(n): assert n < 1000
"""
        },
        ["--reruns-delay", "0"],
    ),
    "yaml-like files of a conftest": (
        {
            "conftest.py": """
import pytest
def pytest_collect_file(parent, file_path):
    if file_path.suffix == ".case":
        return CaseFile.from_parent(parent, path=file_path)
class CaseFile(pytest.File):
    def collect(self):
        for line in self.path.read_text().split():
            yield Case.from_parent(self, name=line)
class Case(pytest.Item):
    def runtest(self): assert self.name != "bad"
    def repr_failure(self, excinfo): return "a bad case"
    def reportinfo(self): return self.path, 0, self.name
""",
            "a.case": "one bad two",
            "test_x.py": "def test_x(): pass\n",
        },
        [],
    ),
    "a fixture that is parametrized for the session": (
        {
            "noted.py": LOG,
            "conftest.py": """
import pytest
from noted import log
@pytest.fixture(scope="session", params=["a", "b"])
def s(request):
    log("+" + request.param)
    yield request.param
    log("-" + request.param)
""",
            "pytest.ini": "[pytest]\npythonpath = .\n",
            "test_x.py": "from noted import log\ndef test_1(s): log('1')\ndef test_2(s): log('2')\n",
        },
        [],
    ),
    "state that tests of a file share": (
        {
            "test_x.py": """
import os, sys
seen = []
def test_a(): seen.append(1)
def test_b(): assert seen == [1]
def test_chdir(): os.chdir("/")
def test_cwd(): assert os.getcwd() == "/"
def test_path(): sys.path.insert(0, "/nowhere")
def test_recursion(): sys.setrecursionlimit(300)
def test_last(): pass
"""
        },
        [],
    ),
    "what conftest files ignore": (
        {
            "conftest.py": "collect_ignore = ['a/test_no.py']\ncollect_ignore_glob = ['*_skip.py']\n",
            "a/test_no.py": "def test_no(): pass\n",
            "a/test_skip.py": "def test_skip(): pass\n",
            "a/test_yes.py": "def test_yes(): pass\n",
        },
        [],
    ),
    "capture, logs and output": (
        {
            "test_x.py": """
import logging, os, sys
def test_a(capsys): print("x"); assert capsys.readouterr().out == "x\\n"
def test_b(capfd): os.write(1, b"y"); assert capfd.readouterr().out == "y"
def test_c(caplog):
    logging.warning("w"); assert len(caplog.records) == 1
def test_d(capsys):
    sys.stderr.write("z"); assert capsys.readouterr().err == ""
def test_e(recwarn, tmp_path, tmpdir, tmp_path_factory, monkeypatch, request, pytestconfig):
    assert tmp_path.is_dir() and tmp_path_factory.getbasetemp() == tmp_path.parent
"""
        },
        [],
    ),
}


def compare(root: Path, args: list[str], workers: int) -> None:
    expected = plain(root, *args).outcomes
    assert expected
    log = root / "order.log"
    done = log.read_text() if log.exists() else ""
    log.unlink(missing_ok=True)
    # plain's `python -c` has the working directory on its path, ours hasn't.
    env = {"PYTEST_DEBUG_TEMPROOT": str(root.parent), "PYTHONPATH": str(root)}
    started = [Worker(root, args, slot=slot, slots=workers, env=env) for slot in range(workers)]
    try:
        started[0].send("LIST", lease="999999", slot=0, dirs=["."])
        listed = started[0].wait("LISTED")
        ours = deal(started, listed["files"])
    finally:
        for one in started:
            one.close()
    assert ours == expected
    if workers == 1 and done:
        assert log.read_text() == done


NEED_PLUGINS = ("async tests, re-runs, mocks",)


@pytest.mark.parametrize(
    "name",
    [pytest.param(x, marks=needs_plugins if x in NEED_PLUGINS else ()) for x in PROJECTS],
)
def test_one_worker_says_what_pytest_says(name: str, tmp_path: Path) -> None:
    files, args = PROJECTS[name]
    if pytest_version() >= (9, 1):  # sys.exit() in a module ends plain pytest: an internal error
        files = {key: text for key, text in files.items() if "sys.exit" not in text}
    compare(write_files(tmp_path / "project", files), args, 1)


@pytest.mark.parametrize("name", ["fixtures of all scopes", "conftest tree", "doctests"])
def test_two_workers_say_what_pytest_says(name: str, tmp_path: Path) -> None:
    files, args = PROJECTS[name]
    compare(write_files(tmp_path / "project", files), args, 2)


def test_ten_thousand_parameters(tmp_path: Path) -> None:
    write_files(
        tmp_path / "project",
        {
            "test_x.py": "import pytest\n@pytest.mark.parametrize('x', range(10000))\n"
            "def test_x(x): assert x != 7777\n"
        },
    )
    compare(tmp_path / "project", ["-p", "no:hypothesispytest"], 1)


def test_without_the_terminal_plugin_outcomes_are_the_same(tmp_path: Path) -> None:
    files, _ = PROJECTS["marks"]
    expected = plain(write_files(tmp_path, files)).outcomes
    one = Worker(tmp_path, ["-p", "no:terminal"])
    try:
        assert deal([one], ["test_x.py"]) == expected
    finally:
        one.close()


def test_a_conftest_that_fails_below_the_roots_is_its_folders_error(tmp_path: Path) -> None:
    write_files(
        tmp_path,
        {
            "a/conftest.py": "raise ValueError('broken')\n",
            "a/test_a.py": "def test_a(): pass\n",
            "b/test_b.py": "def test_b(): pass\n",
        },
    )
    one = Worker(tmp_path)
    try:
        assert deal([one], ["a/test_a.py", "b/test_b.py"]) == {
            "a": "error",
            "b/test_b.py::test_b": "passed",
        }
        text = one.result("a")["phases"][0]["longrepr"]
        assert f"ImportError while loading conftest '{tmp_path}/a/conftest.py'." in text or (
            "a/conftest.py:1: in <module>" in text  # of pytest 8 on
        )
        assert "ValueError: broken" in text
    finally:
        one.close()


def test_fixture_scopes_survive_being_dealt_test_by_test(tmp_path: Path) -> None:
    root = write_files(tmp_path, FIXTURES)
    expected = plain(root).outcomes
    log = root / "order.log"
    before = log.read_text()
    log.unlink()
    one = Worker(root)
    try:
        for nodeid in expected:
            unit = {"kind": "item", "id": nodeid, "index": -1}
            one.lease(nodeid.split("::")[0], units=[unit])
            one.wait("RESULTS")  # nothing is known to follow while it runs
        assert one.drain() == 0
    finally:
        one.close()
    assert log.read_text() == before
