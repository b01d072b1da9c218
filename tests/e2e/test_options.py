"""Options of pytest that select and configure, alone and in pairs, wherever they stand: the same
tests run, end and are deselected, and the same words refuse, as with plain pytest beside it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest
from runners import assert_same_verdict, pytest_version, write_files

ENV = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
FILES = {
    "pytest.ini": "[pytest]\nmarkers =\n    slow\n    fast\n",
    "other.ini": "[pytest]\npython_functions = check_*\nmarkers = slow\n",
    "bare.ini": "[pytest]\n",
    "test_a.py": """
import pytest, warnings
def test_a1(): pass
@pytest.mark.slow
def test_a2(): warnings.warn('x')
def check_it(): pass
class TestC:
    def test_c1(self): pass
    @pytest.mark.fast
    def test_c2(self): assert 0
class CheckD:
    def test_d(self): pass
@pytest.mark.parametrize('n', [1, 2])
@pytest.mark.parametrize('c', ['x', pytest.param('y', marks=pytest.mark.slow)])
def test_p(n, c): pass
""",
    "test_b.py": "import pytest\n@pytest.mark.slow\ndef test_b1(): pass\ndef test_b2(): pass\n",
    "check_c.py": "def test_c(): pass\ndef check_x(): pass\n",
    "sub/test_s.py": "def test_s1(): pass\ndef test_s2(): pass\n",
    "sub/deep/test_d.py": "def test_d1(): pass\n",
    "pkg/__init__.py": "",
    "pkg/test_k.py": "def test_k1(): pass\nclass TestK:\n    def test_k2(self): pass\n",
    "build/test_z.py": "def test_z(): pass\n",
    "test_doc.txt": ">>> 1\n1\n",
    "notes.txt": ">>> 2\n3\n",
    "mod.py": "def f():\n    '''\n    >>> f()\n    1\n    '''\n    return 1\n",
    "plug.py": (
        "def pytest_collection_modifyitems(items):\n"
        "    items[:] = [item for item in items if 'a1' not in item.name]\n"
    ),
}


@dataclass
class Case:
    args: tuple[str, ...] = ()
    ini: str = ""  # more of pytest.ini
    files: dict[str, str] = field(default_factory=dict)
    env: dict[str, str] = field(default_factory=dict)
    cwd: str = ""
    status: int | None = None  # that of pytest, where the case needs just that
    broken: tuple[int, int] | None = None  # the pytest that has a bug here

    def __str__(self) -> str:
        env = " ".join(f"{name}={value}" for name, value in self.env.items())
        parts = (self.cwd, env, self.ini, " ".join(self.files), " ".join(self.args))
        return " | ".join(part.strip() for part in parts if part)


def typed(*args: str, status: int | None = None) -> Case:
    return Case(args, status=status)


def ini(text: str, *args: str, status: int | None = None, **env: str) -> Case:
    return Case(args, ini=text + "\n", env=env, status=status)


def addopts(text: str, *args: str, status: int | None = None, **env: str) -> Case:
    return ini(f"addopts = {text}", *args, status=status, **env)


def files(*args: str, cwd: str = "", **contents: str) -> Case:
    """Keywords name files: sub__conftest_py is sub/conftest.py."""
    names = {name.replace("__", "/").replace("_", "."): text for name, text in contents.items()}
    return Case(args, files=names, cwd=cwd)


UNKNOWN_MARK = "import pytest\n@pytest.mark.unknown\ndef test_q(): pass\n"
XFAIL = "import pytest\n@pytest.mark.xfail\ndef test_q(): assert 0\n"
IGNORE = "collect_ignore = ['test_b.py', 'sub/deep']\ncollect_ignore_glob = ['*_a.py']\n"
COMPUTED = "collect_ignore_glob = [f'{name}*' for name in ('pkg', 'sub/d')]\n"
DESELECTS = (
    "def pytest_collection_modifyitems(items, config):\n"
    "    config.hook.pytest_deselected(items=items[:2])\n"
    "    del items[:2]\n"
)

# What stands behind -- for fastest.
BEHIND = [
    files("--noconftest", "test_b.py", "sub", conftest_py=IGNORE),
    files("--confcutdir", "sub", conftest_py=IGNORE, sub__conftest_py="collect_ignore = ['deep']"),
    files("--runxfail", "--strict", "test_q.py", test_q_py=XFAIL),
    files("--doctest-modules", "--doctest-ignore-import-errors", "bad.py", bad_py="import nope\n"),
    files("--collect-in-virtualenv", venv__bin__activate="", venv__test_v_py="def test_v(): pass"),
    typed("--keep-duplicates", "test_b.py", "test_b.py"),
    typed("-c", "other.ini", "--rootdir=sub", "--ignore=sub/deep", "--deselect", "test_s.py", "."),
]

CASES = [
    typed("-k", "a and not 1"),
    typed("-k", "TestC"),
    typed("-k", "proj"),
    typed("-k", "a1 or s1", "test_a.py", "sub"),
    typed("-k", "a1", "test_a.py::TestC", status=5),
    typed("-k", "test_p", "test_a.py::test_p[x-1]", "test_b.py"),
    typed("-k", "not TestC", "-m", "not slow"),
    typed("-k", "("),
    typed("-m", "slow"),
    typed("-m", "slow and"),
    typed("-m", "slow", "--deselect", "test_a.py::test_p"),
    typed("-m", "fast", "--deselect", "test_a.py::TestC::test_c2", status=5),
    typed("--deselect", "test_a.py::test_p[x", "--deselect", "sub/"),
    typed("--deselect", "test_a.py", "test_a.py", "-k", "a1"),
    typed("--ignore", "test_a.py", "test_a.py", "test_b.py"),
    typed("--ignore", "sub", "sub/deep"),
    typed("--ignore", "sub", "--ignore-glob", "*_a.py"),
    typed("--ignore-glob", "*/deep/*", "sub"),
    typed("--ignore-glob", "*_a.py", "test_a.py::test_a1"),
    typed("test_b.py", "test_a.py"),
    typed("test_a.py::TestC::test_c1", "test_b.py"),
    typed("test_a.py::test_p[2-x]", status=4),
    typed("test_a.py::test_p[x-2]"),
    typed("test_a.py::test_a1", "test_a.py"),
    typed("pkg/__init__.py", "-k", "not k1"),
    Case(("sub/deep", "sub"), broken=(8, 0)),  # it forgets what else is in sub
    typed("sub/test_s.py::test_s1", "-m", "not slow"),
    typed("build", "check_c.py::test_c"),
    typed("mod.py", "notes.txt"),
    typed("--pyargs", "json.tool", "sub"),
    typed("--pyargs", "pkg", "-k", "k2"),
    typed("--pyargs", "nowhere", status=4),
    typed("--import-mode", "importlib", "sub", "test_b.py"),
    typed("--import-mode=append", "pkg"),
    typed("-p", "plug", "-k", "a2 or a1", status=0),
    typed("-p", "nowhere", status=1),
    typed("-o", "python_files=check_*.py test_b.py", "-o", "python_functions=check"),
    typed("-o", "python_classes=Check*", "test_a.py"),
    typed("-o", "testpaths=sub", "test_b.py"),
    typed("-o", "testpaths=sub pkg", "-o", "norecursedirs=deep"),
    typed("-o", "nonsense", status=4),
    typed("-c", "other.ini", "-k", "check"),
    typed("--rootdir", "pkg", "-c", "other.ini"),
    typed("--rootdir", "sub", "sub/test_s.py::test_s1"),
    typed("--rootdir", "nowhere", status=4),
    typed("-W", "error", "-W", "ignore", "test_a.py"),
    typed("-W", "error", "test_a.py"),
    typed("--strict-markers", "-c", "bare.ini"),
    typed("--strict-config", "-o", "nothing=1", "test_b.py"),
    ini("nothing = 1", "--strict-config", status=4),
    ini("testpaths = sub pkg/test_k.py"),
    ini("testpaths = s*\nnorecursedirs = deep"),
    Case(ini="testpaths = sub\n", cwd="sub"),
    ini("testpaths = sub\naddopts = test_b.py"),
    ini("python_files = check_*.py sub/*.py\npython_functions = *1 check"),
    ini("norecursedirs = *"),
    ini("minversion = 99", status=4),
    ini("required_plugins = nowhere", status=4),
    ini("filterwarnings = error", "-W", "ignore", "test_a.py"),
    ini("filterwarnings =\n    error\n    ignore::UserWarning", "test_a.py"),
    addopts("-k 'a1 or b1' -m slow"),
    addopts("-k a1", "-k", "b1"),
    addopts("-k a1", "-k", "s1", PYTEST_ADDOPTS="-k b1"),
    addopts("-k a1", PYTEST_ADDOPTS="-k b1"),
    addopts("--ignore=sub --deselect test_b.py::test_b1", "--ignore", "pkg", "test_b.py", "pkg"),
    addopts("--doctest-modules --ignore=plug.py", "mod.py", "-k", "f"),
    addopts("--doctest-glob=*.txt --import-mode=importlib", "test_doc.txt", "notes.txt"),
    addopts("-c other.ini -o python_files=check_*.py --rootdir=sub", "sub", "test_b.py"),
    addopts("--strict-markers -p plug", "test_a.py", status=1),
    addopts("--no-such-option", status=4),
    Case(env={"PYTEST_ADDOPTS": "--rootdir=sub -o python_functions=test_s1 sub"}),
    Case(("test_b.py", "test_a.py::test_a1"), env={"PYTEST_PLUGINS": "plug"}, status=0),
    files(conftest_py=IGNORE),
    files("test_b.py", "sub", "--ignore", "pkg", conftest_py=IGNORE),
    files(conftest_py=COMPUTED),
    files("sub", sub__conftest_py="collect_ignore = ['deep']\n"),
    files("-k", "a or s", conftest_py=DESELECTS),
    files("--strict-markers", "-m", "slow", test_q_py=UNKNOWN_MARK),
    files("../pkg", "--deselect", "pkg/test_k.py::TestK", cwd="sub"),
    files("-c", "../other.ini", "--ignore", "deep", "..", cwd="sub"),
]


def compare(tmp_path: Path, case: Case, *dashes: str) -> None:
    if case.broken and pytest_version() == case.broken:
        pytest.skip("a bug of this pytest")
    root = write_files(tmp_path / "proj", {**FILES, **case.files})
    (root / "pytest.ini").write_text(FILES["pytest.ini"] + case.ini)
    expected, ours = assert_same_verdict(
        root / case.cwd,
        *case.args,
        workers=1,
        env={**ENV, "PYTHONPATH": str(root), **case.env},
        options=("--no-history", *dashes),
    )
    if case.status is not None:
        assert expected.status == case.status
    else:
        assert expected.outcomes or expected.status in (4, 5), expected.err
    if expected.status == 4:
        (reason, *_) = [line for line in expected.err.splitlines() if line.startswith("ERROR: ")]
        assert reason in ours.err + ours.out
    else:
        assert ours.report["summary"]["deselected"] == expected.deselected


@pytest.mark.parametrize("case", CASES, ids=str)
def test_an_option_means_what_pytest_means(tmp_path: Path, case: Case) -> None:
    compare(tmp_path, case)


@pytest.mark.parametrize("case", BEHIND, ids=str)
def test_behind_the_dashes_too(tmp_path: Path, case: Case) -> None:
    compare(tmp_path, case, "--")


def test_pyargs_finds_what_the_interpreter_has(tmp_path: Path) -> None:
    text = "def test_far(): pass\ndef test_off(): pass\n"
    place = write_files(tmp_path / "lib", {"away/__init__.py": "", "away/test_far.py": text})
    root = write_files(tmp_path / "proj", FILES)
    env = {**ENV, "PYTHONPATH": str(place)}
    args = ("--pyargs", "away.test_far::test_far", "test_b.py", "--rootdir", str(root))
    expected, _ = assert_same_verdict(root, *args, workers=1, env=env, options=("--no-history",))
    assert len(expected.outcomes) == 3 and expected.status == 0
