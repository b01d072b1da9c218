"""Projects of unusual shape, and unusual ways to call: the verdict is plain pytest's."""

from __future__ import annotations

from pathlib import Path

import pytest
from runners import assert_same_verdict, write_files

YAML = """
import pytest
def pytest_collect_file(file_path, parent):
    if file_path.suffix == ".yml":
        return YamlFile.from_parent(parent, path=file_path)
class YamlFile(pytest.File):
    def collect(self):
        for name in self.path.read_text().split():
            yield YamlItem.from_parent(self, name=name)
class YamlItem(pytest.Item):
    def runtest(self): assert self.name != "bad"
    def reportinfo(self): return self.path, 0, self.name
"""
IGNORE = """
def pytest_ignore_collect(collection_path, config):
    return True if "skipme" in collection_path.name else None
"""
COMPUTED = """
import sys
collect_ignore = []
if sys.version_info > (3,):
    collect_ignore.append("test_old.py")
collect_ignore_glob = ["*_no.py"]
"""
DOCTEST_INI = "[pytest]\naddopts = --doctest-modules --doctest-glob='*.rst'\n"
ONE = "def test_one(): pass\n"
STATE = "import time\nclass TestState:\n    n = 0\n" + "".join(
    f"    def test_{i:03}(self):\n        assert TestState.n == {i}\n"
    f"        TestState.n += 1\n        time.sleep(0.01)\n"
    for i in range(100)
)
FORKS = """
import os, multiprocessing
def test_fork():
    child = os.fork()
    if child == 0: os._exit(0)
    os.waitpid(child, 0)
def work(queue): queue.put(1)
def test_process():
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    process = context.Process(target=work, args=(queue,))
    process.start()
    assert queue.get() == 1
    process.join()
def test_after(): pass
"""

PROJECTS = {
    "own collectors": {
        "conftest.py": YAML,
        "a.yml": "good bad",
        "sub/b.yml": "x",
        "test_p.py": ONE,
    },
    "an ignoring hook": {"conftest.py": IGNORE, "test_a.py": ONE, "skipme/test_b.py": "assert 0"},
    "a computed ignore list": {"conftest.py": COMPUTED, "test_old.py": "(", "test_a.py": ONE},
    "doctests": {
        "pytest.ini": DOCTEST_INI,
        "module.py": 'def f():\n    """\n    >>> f()\n    3\n    """\n    return 2\n',
        "text.rst": ">>> 1 + 1\n2\n",
        "package/__init__.py": '"""\n>>> 5\n5\n"""\n',
        "test_a.py": ONE,
    },
    "one basename under importlib": {
        "pytest.ini": "[pytest]\naddopts = --import-mode=importlib\n",
        "a/test_same.py": ONE,
        "b/test_same.py": ONE,
    },
    "packages of one name": {
        "a/tests/__init__.py": "",
        "a/tests/test_x.py": ONE,
        "b/tests/__init__.py": "",
        "b/tests/test_x.py": ONE,
        "b/tests/test_y.py": ONE,
    },
    "tests in __init__": {
        "pytest.ini": "[pytest]\npython_files = *.py\n",
        "package/__init__.py": ONE,
        "package/test_a.py": ONE,
    },
    "testpaths in pyproject": {
        "pyproject.toml": "[tool.pytest.ini_options]\ntestpaths = ['t*']\npython_files = 'check_*.py'\n",
        "tests/check_a.py": ONE,
        "other/check_b.py": "assert 0\n",
    },
    "conftest files that override": {
        "sub/conftest.py": "import pytest\n@pytest.fixture\ndef only(): return 2\n",
        "sub/deep/conftest.py": "import pytest\n@pytest.fixture\ndef only(only): return only + 1\n",
        "sub/test_a.py": "def test_a(only): assert only == 2\n",
        "sub/deep/test_b.py": "def test_b(only): assert only == 3\n",
        "test_c.py": "def test_c(only): pass\n",
    },
    "a class whose tests lean on each other": {"test_a.py": STATE},
    "tests that fork": {"test_a.py": FORKS},
    "an import that exits": {"test_a.py": "import sys\nsys.exit(3)\n", "test_b.py": ONE},
}


@pytest.mark.parametrize("files", PROJECTS.values(), ids=PROJECTS)
def test_a_project_of_unusual_shape(tmp_path: Path, files: dict[str, str]) -> None:
    assert_same_verdict(write_files(tmp_path, files))


PLACES = {
    "project/pytest.ini": "[pytest]\n",
    "project/tests/test_a.py": "def test_a(): pass\ndef test_b(): assert 0\n",
    "project/tests/sub/test_c.py": "class TestC:\n    def test_c(self): pass\n",
    "project/src/x.py": "",
    "other/test_o.py": ONE,
}
CALLS = [
    ("project/src", "../tests"),
    (".", "project/tests", "other"),
    ("other", "../project/tests/test_a.py::test_a"),
    ("project", "tests/sub/test_c.py::TestC::test_c", "tests/test_a.py::test_a"),
    ("project", "--rootdir=tests", "tests"),
    ("project", "./tests/sub/", "tests/sub/test_c.py", "tests/../tests/test_a.py"),
    ("project", "tests/test_a.py::test_b", "tests/test_a.py"),
    ("project", "tests/sub::TestC"),
]


@pytest.mark.parametrize("call", CALLS, ids=" ".join)
def test_a_call_from_an_unusual_place(tmp_path: Path, call: tuple[str, ...]) -> None:
    write_files(tmp_path, PLACES)
    (tmp_path / "project/link").symlink_to(tmp_path / "project/tests")
    where, *args = call
    assert_same_verdict(tmp_path / where, *args)
