"""What the terminal shows: as pytest prints it, held against pytest itself."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest
from runners import (
    PYTHON,
    environment,
    fastest,
    fastest_command,
    needs_plugins,
    plain,
    pytest_version,
    write_files,
)

MIXED = """
import pytest, sys, warnings

@pytest.fixture
def broken():
    print("printed in set-up")
    raise ValueError("no set-up")

def test_passes(): pass

def test_fails():
    print("printed by the test")
    print("complained by the test", file=sys.stderr)
    left, right = [1, 2], [1, 3]
    assert left == right

class TestClass:
    def test_method(self):
        raise RuntimeError("two\\nlines")

def test_errs(broken): pass

def test_skips(): pytest.skip("because")

@pytest.mark.xfail(reason="known")
def test_xfails(): assert 0

def test_warns(): warnings.warn("careful")
"""


def sections(text: str) -> dict[str, list[str]]:
    """{title: lines} of the parts that "=== title ===" lines begin."""
    found: dict[str, list[str]] = {}
    title = ""
    for line in re.sub(r"0x[0-9a-f]+", "0x...", text).splitlines():
        match = re.fullmatch(r"=+ (.*?) =+", line)
        if match:
            title = match.group(1)
        else:
            found.setdefault(title, []).append(line)
    return found


@pytest.mark.parametrize(
    "args",
    [
        (),
        ("--tb=short",),
        ("--tb=line",),
        ("-rA",),
        ("-rs",),
        ("-v",),
        ("--show-capture=stderr", "-rA"),
        ("--show-capture=no", "--disable-warnings"),
    ],
)
def test_failures_and_summary_are_printed_as_pytest_prints_them(
    tmp_path: Path, args: tuple[str, ...]
) -> None:
    write_files(tmp_path, {"test_a.py": MIXED})
    theirs, ours = plain(tmp_path, *args), fastest(tmp_path, *args, workers=1)
    # pytest 7.0 puts the reason of an xfail on a line of its own; we never do.
    told = re.sub(r"^(XFAIL .*)\n  (.*)", r"\1 - \2", theirs.out, flags=re.M)
    expected, shown = sections(told), sections(ours.out)
    for title in ("ERRORS", "FAILURES", "PASSES", "short test summary info"):
        assert shown.get(title) == expected.get(title), title
    if "--disable-warnings" in args:
        assert "warnings summary" not in shown and "1 warning" in ours.last_line
    else:
        assert "careful" in "\n".join(shown["warnings summary"])


def test_warnings_of_modules_stand_under_their_place_as_pytest_has_it(tmp_path: Path) -> None:
    warns = "import warnings\nwarnings.warn(UserWarning('at import'))\ndef test_a(): pass\n"
    files = {"pytest.ini": "[pytest]\n", "a/test_a.py": warns, "b/c/test_b.py": warns}
    root = write_files(tmp_path, files)
    args = ("../../a", "../../b")
    shown = [sections(run(root / "b/c", *args).out) for run in (plain, fastest)]
    assert shown[0]["warnings summary"] == shown[1]["warnings summary"]
    assert "../../a/test_a.py:2" in shown[0]["warnings summary"]


def counts(line: str) -> str:
    return re.sub(r" in [\d.]+s.*", "", line.strip("= "))


@pytest.mark.parametrize("args", [(), ("-q",), ("-k", "skips or passes"), ("-m", "nothing")])
def test_the_last_line_counts_as_pytest_does(tmp_path: Path, args: tuple[str, ...]) -> None:
    write_files(tmp_path, {"test_a.py": MIXED, "pytest.ini": "[pytest]\nmarkers = nothing\n"})
    theirs, ours = plain(tmp_path, *args), fastest(tmp_path, *args)
    assert counts(ours.last_line) == counts(theirs.last_line)
    assert re.search(r"in \d+\.\d\ds", ours.last_line)


@pytest.mark.parametrize("args", [("-v",), ("-vv",), ("-q", "-v", "-v")])
def test_verbose_lines_are_pytests_with_worker_and_time(
    tmp_path: Path, args: tuple[str, ...]
) -> None:
    write_files(tmp_path, {"test_a.py": MIXED})
    alone = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    theirs = plain(tmp_path, *args, env=alone).out
    ours = fastest(tmp_path, *args, workers=1, env=alone).out
    lines = [" ".join(line.split()) for line in ours.splitlines() if line.endswith("%]")]
    expected = [" ".join(line.split()) for line in theirs.splitlines() if line.endswith("%]")]
    assert [re.sub(r" gw0 \d+\.\d\ds ", " ", line) for line in lines] == expected
    assert all(" gw0 0." in line for line in lines)


SLOW = """
import pytest, time
@pytest.fixture
def slow(): time.sleep(0.4)
def test_slow_call(): time.sleep(0.9)
def test_slow_setup(slow): pass
@pytest.mark.skip
def test_never(): pass
@pytest.mark.xfail(run=False)
def test_not_now(): pass
@pytest.mark.xfail
def test_known(): assert 0
"""


def test_durations_are_pytests(tmp_path: Path) -> None:
    write_files(tmp_path, {"test_a.py": SLOW})
    args = ("--durations", "0", "--durations-min=0.3", "-p", "no:cacheprovider")
    alone = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    expected = plain(tmp_path, *args, env=alone)
    ours = fastest(tmp_path, *args, workers=1, env=alone)
    hint = r"^\d+\.\d\ds |  Use -vv to show these durations\."  # pytest 8.4 leaves it out
    told, shown = (
        [re.sub(hint, "", line) for line in sections(text)["slowest durations"]]
        for text in (expected.out, ours.out)
    )
    assert shown == told
    assert told[:2] == ["call     test_a.py::test_slow_call", "setup    test_a.py::test_slow_setup"]
    assert re.search(r"^\d+\.\d\ds running \d\.\d\ds of tests in 1 worker ", ours.out, re.M)


@needs_plugins
def test_reruns_of_the_plugin_are_counted_and_named(tmp_path: Path) -> None:
    text = "tried = []\ndef test_a(): pass\ndef test_flaky():\n    tried.append(1)\n"
    write_files(tmp_path, {"test_a.py": text + "    assert len(tried) == 3\n"})
    expected = plain(tmp_path, "-rR", "--reruns", "2")
    ours = fastest(tmp_path, "-rR", "--", "--reruns", "2", workers=1)
    assert counts(ours.last_line) == counts(expected.last_line) == "2 passed, 2 rerun"
    assert ".RR. " in ours.out
    title = "rerun test summary info"
    listed = ["RERUN test_a.py::test_flaky"] * 2
    assert sections(ours.out)[title] == list(filter(None, sections(expected.out)[title])) == listed


def test_a_pipe_gets_no_escape_codes_and_colour_can_be_asked_for(tmp_path: Path) -> None:
    write_files(tmp_path, {"test_a.py": MIXED})
    assert "\x1b" not in fastest(tmp_path).out
    coloured = fastest(tmp_path, "--color=yes").out
    keyword = "\x1b[94massert\x1b["
    assert "\x1b[31m" in coloured and keyword in coloured
    plainer = fastest(tmp_path, "--color=yes", "--", "--code-highlight=no")
    assert "\x1b[31m" in plainer.out and keyword not in plainer.out
    assert "\x1b" not in str(plainer.report)


def test_the_header_names_what_the_workers_found(tmp_path: Path) -> None:
    write_files(tmp_path, {"test_a.py": MIXED, "pytest.ini": "[pytest]\n"})
    out = fastest(tmp_path).out
    assert f"rootdir: {tmp_path}" in out
    assert f"pytest-{'.'.join(map(str, pytest_version()))}." in out
    assert "pytest.ini" in out
    assert "warning: " not in out
    assert "rootdir" not in fastest(tmp_path, "--no-header").out


def test_the_json_report_says_where_and_how_each_test_ran(tmp_path: Path) -> None:
    write_files(tmp_path, {"test_a.py": MIXED})
    report = fastest(tmp_path).report
    assert report["exit_code"] == 1
    assert report["discovery"]["files"] == 1 and report["discovery"]["tests"] == 8 - 1
    test = next(x for x in report["tests"] if x["nodeid"] == "test_a.py::test_fails")
    assert test["stdout"] == "printed by the test\n"
    assert test["stderr"] == "complained by the test\n"
    assert "assert [1, 2] == [1, 3]" in test["longrepr"]
    assert test["agent"] == "local" and test["slot"] in (0, 1) and test["worker_pid"] > 0
    assert 0 < test["start_s"] < report["duration_s"]
    assert test["attempts"][-1]["outcome"] == "failed"
    skipped = next(x for x in report["tests"] if x["nodeid"] == "test_a.py::test_skips")
    assert "because" in skipped["reason"]
    assert [warning["message"] for warning in report["warnings"] if "careful" in warning["message"]]
    assert report["agents"][0]["tests"] == len(report["tests"])


def test_a_closed_pipe_does_not_end_the_run(tmp_path: Path) -> None:
    text = "import pathlib\n" + "".join(
        f"def test_{i}(): pathlib.Path(__file__).with_name('last').write_text('{i}')\n"
        for i in range(50)
    )
    write_files(tmp_path, {"test_a.py": text})
    process = subprocess.Popen(
        fastest_command("-v"), cwd=tmp_path, env=environment(), stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    process.stdout.close()
    assert process.wait(60) == 0
    assert (tmp_path / "last").read_text() == "49"


def test_a_hundred_megabytes_of_output_do_not_hurt(tmp_path: Path) -> None:
    text = "def test_loud():\n    for _ in range(100):\n        print('x' * 1_000_000)\n"
    ours = fastest(write_files(tmp_path, {"test_a.py": text}))
    assert ours.status == 0
    assert len(ours.out) < 10_000


def peak(cwd: Path, command: list[str]) -> int:
    """The most memory that one process of the command's had, in KiB."""
    env = environment(PYTHONDONTWRITEBYTECODE="1", PYTEST_DISABLE_PLUGIN_AUTOLOAD="1")
    with open(cwd / "out", "wb") as out:
        process = subprocess.Popen(command, cwd=cwd, env=env, stdout=out)
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 1
    return usage.ru_maxrss


def test_a_failure_with_much_output_takes_no_more_memory_than_pytest(tmp_path: Path) -> None:
    text = "def test_loud():\n    for _ in range(60): print('x' * 999_999)\n    assert 0\n"
    write_files(tmp_path, {"test_a.py": text})
    theirs = peak(tmp_path, [PYTHON, "-m", "pytest", "-p", "no:cacheprovider"])
    ours = peak(tmp_path, fastest_command("--no-history", workers=1))
    assert ours < 1.2 * theirs
    shown = (tmp_path / "out").read_text()
    assert "[... 51611392 characters left out ...]" in shown
    assert 8 << 20 < len(shown) < 9 << 20


def test_collect_only_lists_real_ids_and_runs_nothing(tmp_path: Path) -> None:
    text = (
        "import pytest\n@pytest.mark.parametrize('n', [1, 2])\n" "def test_n(n): open('ran', 'w')\n"
    )
    write_files(tmp_path, {"test_a.py": text, "test_b.py": "def test_b(): pass\n"})
    ours = fastest(tmp_path, "--collect-only", "-q")
    theirs = plain(tmp_path, "--collect-only", "-q")
    assert ours.status == theirs.status == 0
    ids = [line for line in theirs.out.splitlines() if "::" in line]
    assert sorted(line for line in ours.out.splitlines() if "::" in line) == ids
    assert not (tmp_path / "ran").exists()
