"""What a worker tells of a test is what pytest's terminal would have printed."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from runners import PYTHON, environment, write_files
from standin import worker

SUITE = """
import pytest, sys, warnings
@pytest.fixture
def broken():
    print("in set-up")
    raise ValueError("no set-up")
@pytest.fixture
def undone():
    yield
    print("in tear-down")
    raise ValueError("no tear-down")
class TestA:
    def test_fails(self):
        print("to stdout")
        print("to stderr", file=sys.stderr)
        assert {"a": 1} == {"a": 2}, "words"
def test_error(broken): pass
def test_undone(undone): pass
def test_unknown(nothing): pass
def test_raises():
    try: 1 / 0
    except ZeroDivisionError: raise KeyError("chained")
def test_skips(): pytest.skip("a reason")
@pytest.mark.skip(reason="marked")
def test_marked(): pass
@pytest.mark.xfail(reason="known")
def test_xfail(): assert 0
@pytest.mark.xfail(reason="surprise")
def test_xpass(): pass
@pytest.mark.xfail(strict=True, reason="strictly")
def test_strict(): pass
def test_quiet(): pass
def test_talks(): print("something")
def test_warns(): warnings.warn("careful")
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return write_files(tmp_path, {"test_x.py": SUITE})


def without_addresses(text: str) -> str:
    """Nor the fixtures that a worker has without xdist too."""
    return re.sub("(, | > )(testrun_uid|worker_id)", "", re.sub("0x[0-9a-f]+", "0x0", text))


def output_of_pytest(root: Path, *args: str) -> str:
    done = subprocess.run(
        [PYTHON, "-m", "pytest", "-o", "addopts=", *args],
        cwd=root,
        env=environment(PYTHONDONTWRITEBYTECODE="1"),
        capture_output=True,
        text=True,
        timeout=60,
    )
    return without_addresses(done.stdout)


@pytest.mark.parametrize("args", [[], ["--tb=short"], ["--tb=native"], ["-l"], ["--tb=line"]])
def test_reports_are_in_pytests_words(args: list[str], project: Path) -> None:
    printed = output_of_pytest(project, "-rA", *args)
    with worker(project, *args) as one:
        one.lease("test_x.py")
        assert one.drain() == 0
        seen = 0
        for result in one.results():
            for phase in result.get("phases", []):
                if phase["outcome"] in ("failed", "error"):
                    seen += 1
                    assert without_addresses(phase["longrepr"]) in printed
                    assert "--tb=line" in args or f" {phase['title']} " in printed
                    first_line = phase.get("message", "").splitlines()[:1]
                    assert not first_line or f" - {first_line[0]}"[:30] in printed
                if phase["outcome"] == "skipped":
                    seen += 1
                    assert f"{phase['location']}: {phase['message']}" in printed
                for section in phase.get("sections", []) if "--tb=line" not in args else ():
                    assert f" {section['name']} " in printed and section["text"] in printed
        assert seen == 8


def test_only_what_has_something_to_say_has_phases(project: Path) -> None:
    with worker(project) as one:
        one.lease("test_x.py")
        assert one.drain() == 0
        by_name = {r["id"].partition("::")[2]: r for r in one.results()}
        assert "phases" not in by_name["test_quiet"]
        assert by_name["test_talks"]["phases"] == [
            {
                "when": "call",
                "outcome": "passed",
                "sections": [{"name": "Captured stdout call", "text": "something\n"}],
            }
        ]
        assert [p["when"] for p in by_name["test_error"]["phases"]] == ["setup"]
        assert [p["when"] for p in by_name["test_undone"]["phases"]] == ["teardown"]
        assert by_name["test_xfail"]["phases"][0]["message"] == "known"
        assert by_name["test_xpass"]["phases"][0]["message"] == "surprise"
        assert by_name["test_strict"]["outcome"] == "failed"
        sections = by_name["TestA::test_fails"]["phases"][0]["sections"]
        assert [s["name"] for s in sections] == ["Captured stdout call", "Captured stderr call"]


def test_times_and_process_are_told(tmp_path: Path) -> None:
    write_files(
        tmp_path,
        {
            "test_x.py": """
import time, pytest
@pytest.fixture
def slow():
    time.sleep(0.02); yield; time.sleep(0.04)
def test_x(slow): time.sleep(0.03)
"""
        },
    )
    with worker(tmp_path, slot=5) as one:
        number = one.lease("test_x.py")
        assert one.drain() == 0
        result = one.result("test_x.py::test_x")
        assert result["setup_s"] >= 0.02 and result["call_s"] >= 0.03
        assert result["teardown_s"] >= 0.04
        assert (result["lease"], result["slot"], result["pid"]) == (
            str(number),
            5,
            one.process.pid,
        )
        assert abs(result["start_s"] - one.results()[0]["start_s"]) < 1


SHARING = """
import time, pytest
@pytest.fixture(scope="session")
def for_all(): time.sleep(0.05)
@pytest.fixture(scope="module")
def for_module(request):
    time.sleep(0.05)
    request.getfixturevalue("for_all")
@pytest.fixture
def own(): time.sleep(0.02)
@pytest.fixture(scope="module")
def late(): time.sleep(0.03)
def test_first(for_module, own): pass
def test_second(for_module, for_all, own): pass
def test_in_its_call(request): request.getfixturevalue("late")
class TestC:
    @classmethod
    def setup_class(cls): time.sleep(0.03)
    def test_c(self): pass
    def test_d(self): pass
"""


@pytest.mark.parametrize("by_hooks", [False, True])
def test_fixtures_that_tests_share_are_told_apart(by_hooks: bool, tmp_path: Path) -> None:
    write_files(tmp_path, {"test_x.py": SHARING})
    alone = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}  # plugins have such fixtures, too
    with worker(tmp_path, config={"pytest_protocol": by_hooks}, env=alone) as one:
        one.lease("test_x.py")
        assert one.drain() == 0
        first = one.result("test_x.py::test_first")
        assert 0.1 <= first["shared_s"] <= first["setup_s"] - 0.02
        assert "shared_s" not in one.result("test_x.py::test_second")
        late = one.result("test_x.py::test_in_its_call")
        assert late["setup_s"] < 0.03 <= late["shared_s"] <= late["call_s"]
        assert one.result("test_x.py::TestC::test_c")["shared_s"] >= 0.03
        assert "shared_s" not in one.result("test_x.py::TestC::test_d")


def test_warnings_come_as_the_summary_prints_them(project: Path) -> None:
    printed = output_of_pytest(project)
    with worker(project) as one:
        one.lease("test_x.py")
        assert one.drain() == 0
        (warning,) = one.warnings()
        assert warning["category"] == "UserWarning"
        assert warning["nodeid"] == "test_x.py::test_warns"
        assert warning["file"].endswith("test_x.py") and warning["line"] > 0
        for line in warning["message"].splitlines():
            assert f"  {line}" in printed


def test_colour_is_pytests_own(project: Path) -> None:
    printed = output_of_pytest(project, "--color=yes", "-k", "test_raises")
    with worker(project, "-k", "test_raises", color=True) as one:
        one.lease("test_x.py")
        assert one.drain() == 0
        longrepr = one.result("test_x.py::test_raises")["phases"][0]["longrepr"]
        assert "\x1b[" in longrepr and longrepr in printed


def test_a_late_tear_down_error_amends_the_last_test(tmp_path: Path) -> None:
    write_files(
        tmp_path,
        {
            "test_x.py": """
import pytest
@pytest.fixture(scope="module")
def m():
    yield
    print("late words")
    raise ValueError("late")
def test_a(m): pass
def test_b(): pass
"""
        },
    )
    with worker(tmp_path) as one:
        number = one.lease("test_x.py")
        assert one.drain() == 0
        first, second = (r for r in one.results() if r["id"] == "test_x.py::test_b")
        assert first["outcome"] == "passed" and not first.get("amend")
        assert second["outcome"] == "error" and second["amend"]
        assert second["lease"] == str(number)
        (phase,) = second["phases"]
        assert phase["when"] == "teardown" and "ValueError: late" in phase["longrepr"]
        assert {"name": "Captured stdout teardown", "text": "late words\n"} in phase["sections"]


@pytest.mark.parametrize("hook", ["pytest_sessionfinish", "pytest_unconfigure"])
def test_a_session_that_cannot_finish_blames_its_last_test(hook: str, tmp_path: Path) -> None:
    write_files(
        tmp_path,
        {
            "conftest.py": f"def {hook}(): raise ValueError('the end')\n",
            "test_x.py": "def test_a(): pass\ndef test_b(): pass\n",
        },
    )
    with worker(tmp_path) as one:
        one.lease("test_x.py")
        assert one.drain() == 0
        last = one.results()[-1]
        assert last["id"] == "test_x.py::test_b" and last["amend"]
        assert "ValueError: the end" in last["phases"][0]["longrepr"]
        assert one.messages[-1][0] == "BYE"


def test_hostile_text_arrives_as_valid_json(tmp_path: Path) -> None:
    write_files(
        tmp_path,
        {"test_x.py": "def test_x():\n    print('a\\0b\\udc80')\n    assert 0, 'c\\0d\\udfff'\n"},
    )
    with worker(tmp_path) as one:
        one.lease("test_x.py")
        assert one.drain() == 0
        phase = one.result("test_x.py::test_x")["phases"][0]
        assert not re.search("[\0\ud800-\udfff]", phase["longrepr"] + phase["message"])


def test_long_output_is_cut_in_the_middle(tmp_path: Path) -> None:
    write_files(tmp_path, {"test_x.py": "def test_x(): print('<' + 'x' * (20 << 20) + '>')\n"})
    with worker(tmp_path) as one:
        one.lease("test_x.py")
        assert one.drain() == 0
        text = one.result("test_x.py::test_x")["phases"][0]["sections"][0]["text"]
        assert text.startswith("<x") and text.endswith("x>\n")
        assert "characters left out" in text and len(text) < 9 << 20
