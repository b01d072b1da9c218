"""What one version of pytest does and another doesn't: each run against the pytest under test."""

from __future__ import annotations

from pathlib import Path

import pytest
from runners import assert_same_verdict, fastest, plain, pytest_version, write_files

TESTS = """
def test_one(): pass
def test_slow(): assert False
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
