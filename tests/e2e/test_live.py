"""-s, --capture=no and tee-sys: what tests write is shown live, by line, behind its slot."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from runners import fastest, write_files

LOUD = """
import os, subprocess, sys, pytest
def test_words():
    print("to", end=" ")
    print("stdout")
    print("to stderr", file=sys.stderr)
    subprocess.run(["echo", "from a child"])
def test_prompt(): print("no newline", end="")
def test_bytes(): os.write(1, b"bad \\xff byte\\n")
def test_colour(): print("\\x1b[31mred\\x1b[0m")
def test_stdin(): print(f"stdin: {sys.stdin.read()!r}")
def test_fails():
    print("before it fails")
    assert 0
"""


def live_lines(out: str) -> list[str]:
    return [line for line in out.splitlines() if re.match(r"gw\d+ \| ", line)]


@pytest.mark.parametrize(
    "args, env",
    [
        (("-s",), {}),
        (("--", "-s"), {}),
        ((), {"PYTEST_ADDOPTS": "--capture=no"}),
    ],
)
def test_output_is_shown_by_line_behind_its_slot(
    tmp_path: Path, args: tuple[str, ...], env: dict[str, str]
) -> None:
    write_files(tmp_path, {"test_a.py": LOUD})
    ours = fastest(tmp_path, "-v", *args, workers=1, env=env)
    assert live_lines(ours.out) == [
        "gw0 | to stdout",
        "gw0 | to stderr",
        "gw0 | from a child",
        "gw0 | no newline",
        "gw0 | bad ? byte",
        "gw0 | \x1b[31mred\x1b[0m\x1b[0m",
        "gw0 | stdin: ''",
        "gw0 | before it fails",
    ]
    assert "left out" not in ours.out
    # As plain -s: nothing was captured.
    assert "Captured stdout" not in ours.out
    assert {test["stdout"] for test in ours.report["tests"]} == {""}
    assert [name for name, outcome in ours.outcomes.items() if outcome == "failed"] == [
        "test_a.py::test_fails"
    ]


def test_a_tests_output_stands_before_its_result(tmp_path: Path) -> None:
    text = "import pytest\n@pytest.mark.parametrize('n', range(30))\n"
    text += "def test_n(n): print(f'number {n}', end='')\n"
    write_files(tmp_path, {"test_a.py": text})
    out = fastest(tmp_path, "-sv", workers=1).out
    seen = re.findall(r"gw0 \| number (\d+)$|^test_a.py::test_n\[(\d+)\] PASSED", out, re.M)
    assert seen == [pair for n in range(30) for pair in ((str(n), ""), ("", str(n)))]


def test_lines_of_many_workers_are_never_mixed(tmp_path: Path) -> None:
    text = (
        "import sys, pytest\n"
        "@pytest.mark.parametrize('n', range(40))\n"
        "def test_n(n, worker_id):\n"
        "    for _ in range(20):\n"
        "        for part in ('<', worker_id, str(n) * 300, '>\\n'):\n"
        "            sys.stdout.write(part)\n"
    )
    write_files(tmp_path, {f"test_{name}.py": text for name in "abc"})
    ours = fastest(tmp_path, "-s", workers=3)
    lines = live_lines(ours.out)
    assert len(lines) == 3 * 40 * 20
    assert all(re.fullmatch(r"(gw\d) \| <\1(\d+?)\2{299}>", line) for line in lines)
    assert ours.status == 0


def test_tee_sys_shows_and_keeps(tmp_path: Path) -> None:
    write_files(tmp_path, {"test_a.py": "def test_a(): print('both')\n"})
    ours = fastest(tmp_path, "--capture=tee-sys", workers=1)
    assert live_lines(ours.out) == ["gw0 | both"]
    assert ours.report["tests"][0]["stdout"] == "both\n"
    assert live_lines(fastest(tmp_path, "--capture=sys", workers=1).out) == []


def test_a_hundred_megabytes_arrive_whole(tmp_path: Path) -> None:
    text = "def test_loud():\n    for _ in range(1000):\n        print('x' * 99_999)\n"
    ours = fastest(write_files(tmp_path, {"test_a.py": text}), "-s", workers=1)
    assert ours.status == 0
    assert len(live_lines(ours.out)) == 1000
    assert ours.out.count("x" * 99_999) == 1000


def test_a_crash_does_not_lose_what_was_written(tmp_path: Path) -> None:
    text = "import os\ndef test_a():\n    print('last words', end='')\n    os._exit(3)\n"
    ours = fastest(write_files(tmp_path, {"test_a.py": text}), "-s", workers=1)
    assert live_lines(ours.out) == ["gw0 | last words"]
    assert ours.outcomes == {"test_a.py::test_a": "failed"}


def test_what_conftest_files_write_comes_behind_the_header(tmp_path: Path) -> None:
    files = {"conftest.py": "print('at import')\n", "test_a.py": "def test_a(): pass\n"}
    out = fastest(write_files(tmp_path, files), "-s", workers=1).out
    assert out.index("session starts") < out.index("gw0 | at import")
    # What keeps every worker from starting is told once, by pytest's words.
    write_files(tmp_path, {"conftest.py": "print('at import')\nraise ValueError('no')\n"})
    ours = fastest(tmp_path, "-s", workers=1)
    assert ours.status == 4
    assert live_lines(ours.out) == []
    assert (ours.out + ours.err).count("ValueError: no") == 1
