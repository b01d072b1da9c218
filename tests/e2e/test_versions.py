"""What one version of pytest does and another doesn't: each run against the pytest under test."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import runners
from protocols import KNOWS_PYTEST, short_tests
from runners import (
    assert_same_verdict,
    fastest,
    plain,
    pytest_version,
    python_says,
    write_files,
)

TESTS = """
def test_one(): pass
def test_slow(): assert False
"""
NOTED = """
from way import is_short
def note():
    if is_short(): open("short.log", "w").write("noted")
def test_noted(): note()
"""
NATIVE = 'testpaths = ["spec"]\npython_files = ["check_*.py"]\naddopts = ["-k", "not slow"]\n'
FILES = {"spec/check_a.py": TESTS, "test_b.py": TESTS}


@pytest.mark.parametrize(
    "files",
    [
        {"pytest.toml": "[pytest]\n" + NATIVE, "tox.ini": "[pytest]\naddopts = -k one\n"},
        {"pyproject.toml": "[tool.pytest]\n" + NATIVE},
        {".pytest.toml": "", "pytest.ini": "[pytest]\naddopts = -k one\n"},
    ],
    ids=["pytest.toml", "pyproject.toml", "empty"],
)
def test_native_toml_is_read_by_a_pytest_that_reads_it(
    tmp_path: Path, files: dict[str, str]
) -> None:
    expected, _ = assert_same_verdict(write_files(tmp_path, {**FILES, **files}))
    wanted = "spec/check_a.py::test_one" if pytest_version() >= (9, 0) else "test_b.py::test_one"
    assert wanted in expected.outcomes or ".pytest.toml" in files


def test_what_pytest_9_refuses_is_refused_with_its_exit_code(tmp_path: Path) -> None:
    both = "[tool.pytest]\nlog_cli = true\n[tool.pytest.ini_options]\naddopts = '-k one'\n"
    write_files(tmp_path, {**FILES, "pyproject.toml": both})
    expected, ours = plain(tmp_path), fastest(tmp_path)
    assert ours.status == expected.status
    assert ours.outcomes == expected.outcomes
    if pytest_version() >= (9, 0):
        assert ours.err.startswith(f"ERROR: {tmp_path}/pyproject.toml:3: ")


def test_a_pytest_that_the_short_protocol_does_not_know_runs_by_hooks_and_verbose_says_so(
    tmp_path: Path,
) -> None:
    write_files(tmp_path, {"test_b.py": TESTS})
    told = "every test runs by pytest's hooks: pytest "
    assert (told in fastest(tmp_path, "-v").out) is not KNOWS_PYTEST
    assert told not in fastest(tmp_path, "-v", "--protocol", "pytest").out
    write_files(tmp_path, {"test_b.py": NOTED})
    assert short_tests(tmp_path) == ({"noted"} if KNOWS_PYTEST else set())


@pytest.fixture
def copied_pytest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a copy of the pytest under test, which runs from here on; it says no version."""
    home = Path(python_says("import _pytest; print(_pytest.__path__[0])"))
    unbuilt = shutil.ignore_patterns("_version.py", "__pycache__")
    for package in (home, home.parent / "pytest"):
        shutil.copytree(package, tmp_path / "tree" / package.name, ignore=unbuilt)
    monkeypatch.setattr(runners, "TREES", [str(tmp_path / "tree"), *runners.TREES[1:]])
    return tmp_path / "tree" / "_pytest"


def test_a_pytest_that_says_no_version_collects_the_whole_selection(
    tmp_path: Path, copied_pytest: Path
) -> None:
    project = write_files(
        tmp_path / "project",
        {
            "conftest.py": "import pytest\n@pytest.fixture\ndef given(): return 1\n",
            "a/conftest.py": "import pytest\n@pytest.fixture\ndef given(given): return given + 1\n",
            "a/test_a.py": "def test_given(given): assert given == 2\n",
            "test_b.py": "def test_given(given): assert given == 1\ndef test_no(given): assert 0\n",
        },
    )
    ours = fastest(project)
    assert ours.status == 4  # plain pytest: a traceback and Python's 1
    assert ours.out.count("a source tree of pytest without _pytest/_version.py, which") == 1

    told = 'version = "0.1.dev1+g1234567"\nversion_tuple = (0, 1, "dev1", "g1234567")\n'
    (copied_pytest / "_version.py").write_text(told)
    _, ours = assert_same_verdict(project, options=("-v",))
    unsure = "pytest 0.1.dev1+g1234567 does not say which version it is"
    assert f"each worker collects the whole selection: {unsure}" in ours.out
    assert f"{unsure}: each worker collects the whole selection" in ours.out
