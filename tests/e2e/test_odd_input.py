"""Odd input: fastest answers as plain pytest does, which runs beside it."""

from __future__ import annotations

from pathlib import Path

import pytest
from runners import assert_same_verdict, fastest, needs_plugins, plain, write_files

ONE = "def test_one():\n    pass\n"


def test_a_path_that_is_not_there_is_a_usage_error(tmp_path: Path) -> None:
    write_files(tmp_path, {"test_a.py": ONE})
    expected, ours = plain(tmp_path, "nowhere"), fastest(tmp_path, "nowhere")
    assert (expected.status, ours.status) == (4, 4)
    assert "file or directory not found: nowhere" in expected.err + expected.out
    assert ours.err == "ERROR: file or directory not found: nowhere\n"


@pytest.mark.parametrize("nodeid", ["test_a.py::test_two", "test_a.py::test_one[x]"])
def test_a_node_id_that_matches_nothing_is_a_usage_error(tmp_path: Path, nodeid: str) -> None:
    marker = tmp_path / "ran"
    body = f"def test_b():\n    open({str(marker)!r}, 'w')\n"
    write_files(tmp_path, {"test_a.py": ONE, "test_b.py": body})
    expected = plain(tmp_path, nodeid, "test_b.py")
    assert not marker.exists()
    ours = fastest(tmp_path, nodeid, "test_b.py")
    assert (expected.status, ours.status) == (4, 4)
    assert not marker.exists(), "something ran before the node id was found wrong"
    words = f"not found: {tmp_path}/{nodeid.partition('[')[0]}"  # 9.1 leaves out what is behind [
    assert words in expected.err
    assert words in ours.err + ours.out


def test_an_unknown_option_is_a_usage_error_that_names_it(tmp_path: Path) -> None:
    write_files(tmp_path, {"test_a.py": ONE})
    expected, ours = plain(tmp_path, "--no-such-thing"), fastest(tmp_path, "--no-such-thing")
    assert (expected.status, ours.status) == (4, 4)
    assert "--no-such-thing" in ours.err
    assert "put it after --" not in ours.err


def test_an_option_of_pytest_that_is_not_ours_is_sent_behind_the_dashes(tmp_path: Path) -> None:
    write_files(tmp_path, {"test_a.py": ONE})
    assert plain(tmp_path, "--setup-show").status == 0
    ours = fastest(tmp_path, "--setup-show")
    assert ours.status == 4
    assert ours.err == (
        "ERROR: --setup-show is an option of the installed pytest, not of fastest: "
        "put it after --\n"
    )
    assert fastest(tmp_path, "--", "--setup-show").status == 0
    assert "ERROR: unknown option -Z\n" == fastest(tmp_path, "-vZ").err


@pytest.mark.parametrize(
    "option, why",
    [
        ("--pdb", "workers have no terminal, run that test with plain pytest"),
        ("--fixtures", "no test runs with it, plain pytest answers it"),
    ],
)
def test_what_a_run_cannot_do_is_refused_but_not_for_addopts(
    tmp_path: Path, option: str, why: str
) -> None:
    write_files(tmp_path, {"test_a.py": ONE})
    typed, behind = fastest(tmp_path, option), fastest(tmp_path, "--", option)
    assert (typed.status, typed.err) == (4, f"ERROR: {option}: {why}\n")
    assert (behind.status, behind.err) == (4, f"ERROR: behind --: {option}: {why}\n")
    ours = fastest(tmp_path, env={"PYTEST_ADDOPTS": option})
    assert ours.status == 0
    assert f"PYTEST_ADDOPTS: {option} was left out: {why}" in ours.out


def test_an_interpreter_without_pytest_is_a_usage_error_that_says_how_to_get_it(
    tmp_path: Path,
) -> None:
    write_files(tmp_path, {"test_a.py": ONE})
    bare = tmp_path / "bare-python"
    bare.write_text('#!/bin/sh\nexec /usr/bin/python3 -I -S "$@"\n')
    bare.chmod(0o755)
    ours = fastest(tmp_path, "--python", str(bare))
    assert ours.status == 4
    assert "has no pytest" in ours.out + ours.err
    assert "pip install pytest" in ours.out + ours.err


def test_an_interpreter_that_is_not_there_is_a_usage_error(tmp_path: Path) -> None:
    write_files(tmp_path, {"test_a.py": ONE})
    ours = fastest(tmp_path, "--python", "/nowhere/python3")
    assert ours.status == 4
    assert "/nowhere/python3" in ours.out + ours.err


def test_a_conftest_that_raises_ends_the_run_with_pytests_text(tmp_path: Path) -> None:
    write_files(tmp_path, {"test_a.py": ONE, "conftest.py": "raise RuntimeError('broken here')\n"})
    expected, ours = plain(tmp_path), fastest(tmp_path)
    assert (expected.status, ours.status) == (4, 4)
    for line in expected.err.strip().splitlines():
        assert line in ours.out + ours.err
    assert "RuntimeError: broken here" in ours.out + ours.err


def test_a_syntax_error_in_one_file_of_three_lets_the_others_run(tmp_path: Path) -> None:
    files = {"test_a.py": ONE, "test_b.py": "def test_two(:\n", "test_c.py": ONE}
    write_files(tmp_path, files)
    _, ours = assert_same_verdict(tmp_path)
    assert ours.status == 1
    assert ours.outcomes["test_b.py"] == "error"
    assert "SyntaxError" in ours.out


def test_an_empty_directory_has_no_tests(tmp_path: Path) -> None:
    _, ours = assert_same_verdict(tmp_path)
    assert ours.status == 5
    assert "no tests ran" in ours.last_line


def test_everything_deselected_is_no_tests(tmp_path: Path) -> None:
    write_files(tmp_path, {"test_a.py": ONE, "test_b.py": ONE})
    _, ours = assert_same_verdict(tmp_path, "-k", "nothing_like_it")
    assert ours.status == 5
    assert "2 deselected" in ours.last_line
    assert ours.report["summary"]["deselected"] == 2


def test_one_test_passes(tmp_path: Path) -> None:
    write_files(tmp_path, {"test_a.py": ONE})
    _, ours = assert_same_verdict(tmp_path)
    assert ours.status == 0
    assert "1 passed" in ours.last_line


def test_unicode_ids_are_pytests(tmp_path: Path) -> None:
    text = (
        "import pytest\n"
        "@pytest.mark.parametrize('wert', ['straße', '日本', '\\u202e', 'a\\nb', b'\\xff'])\n"
        "def test_größe(wert):\n    assert wert != '日本'\n"
    )
    _, ours = assert_same_verdict(write_files(tmp_path, {"test_ünder.py": text}))
    assert len(ours.outcomes) == 5


def test_ten_thousand_parameters_all_run_once(tmp_path: Path) -> None:
    text = (
        "import pytest\n"
        "@pytest.mark.parametrize('n', range(10_000))\n"
        "def test_n(n):\n    assert n != 7777\n"
    )
    _, ours = assert_same_verdict(write_files(tmp_path, {"test_many.py": text}))
    assert len(ours.outcomes) == 10_000
    assert ours.outcomes["test_many.py::test_n[7777]"] == "failed"


def test_the_second_file_of_one_basename_gets_pytests_own_error(tmp_path: Path) -> None:
    files = {f"{name}/test_same.py": ONE for name in ("one", "two")}
    _, ours = assert_same_verdict(write_files(tmp_path, files))
    assert ours.outcomes == {"one/test_same.py::test_one": "passed", "two/test_same.py": "error"}
    assert "import file mismatch" in ours.out


ADDOPTS = "[pytest]\naddopts = -n 3 --dist loadfile -x --pastebin=failed -q\n"


@needs_plugins
def test_addopts_for_xdist_run_with_one_warning_for_what_is_dropped(tmp_path: Path) -> None:
    files = {f"test_{name}.py": ONE for name in "abcd"}
    write_files(tmp_path, {**files, "pytest.ini": ADDOPTS})
    expected = plain(tmp_path)
    ours = fastest(tmp_path, workers=None)
    assert ours.outcomes == expected.outcomes
    assert ours.status == expected.status == 0
    (line,) = [x for x in (ours.out + ours.err).splitlines() if "warning" in x]
    assert "--pastebin" in line
    assert sum(agent["slots"] for agent in ours.report["agents"]) == 3


@needs_plugins
def test_addopts_for_xdist_run_where_xdist_is_switched_off(tmp_path: Path) -> None:
    files = {f"test_{name}.py": ONE for name in "abcd"}
    write_files(tmp_path, {**files, "pytest.ini": ADDOPTS})
    assert plain(tmp_path, "-p", "no:xdist").status == 4
    ours = fastest(tmp_path, "-p", "no:xdist", workers=None)
    assert ours.status == 0
    assert set(ours.outcomes.values()) == {"passed"} and len(ours.outcomes) == 4
