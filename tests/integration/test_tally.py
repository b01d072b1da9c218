"""tests/support/tally.py adds up what ran and hides no failure."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

TALLY = Path(__file__).resolve().parents[1] / "support" / "tally.py"


def tally(folder: Path, *reports: str) -> tuple[int, str]:
    """Exit status and closing line for reports with these test cases."""
    paths = []
    for number, cases in enumerate(reports):
        path = folder / f"{number}.xml"
        path.write_text(f"<testsuite>{cases}</testsuite>" if cases else "")
        paths.append(str(path))
    done = subprocess.run(
        [sys.executable, str(TALLY), *paths], capture_output=True, text=True, timeout=60
    )
    return done.returncode, done.stdout.splitlines()[-1]


def ctest(output: str, status: str = "run") -> str:
    failure = "<failure/>" if status == "fail" else ""
    return (
        f'<testcase name="x" status="{status}">{failure}'
        f"<system-out>{output}</system-out></testcase>"
    )


def test_the_tests_inside_a_cmocka_program_count_each(tmp_path: Path) -> None:
    output = "[       OK ] a\n[  PASSED  ] 3 test(s).\n[  SKIPPED ] 1 test(s), listed below:\n"
    assert tally(tmp_path, ctest(output)) == (0, "3 passed, 0 failed, 1 skipped")


def test_a_skipped_cmocka_test_is_named_with_what_it_said(tmp_path: Path) -> None:
    report = tmp_path / "c.xml"
    output = (
        "[ RUN      ] a\nneeds a mouse\n[  SKIPPED ] a\n[==========] 1 test(s) run.\n"
        "[  PASSED  ] 0 test(s).\n[  SKIPPED ] 1 test(s), listed below:\n[  SKIPPED ] a\n"
    )
    report.write_text(f"<testsuite>{ctest(output)}</testsuite>")
    done = subprocess.run(
        [sys.executable, str(TALLY), str(report)], capture_output=True, text=True, timeout=60
    )
    assert done.stdout == "skipped: x: a: needs a mouse\n0 passed, 0 failed, 1 skipped\n"


def test_a_failed_cmocka_test_counts_once(tmp_path: Path) -> None:
    output = (
        "[  FAILED  ] a\n[  PASSED  ] 2 test(s).\n"
        "[  FAILED  ] 1 test(s), listed below:\n[  FAILED  ] a\n 1 FAILED TEST(S)\n"
    )
    assert tally(tmp_path, ctest(output, "fail")) == (1, "2 passed, 1 failed")


def test_a_program_that_fails_after_its_tests_is_a_failure(tmp_path: Path) -> None:
    leaked = ctest("[  PASSED  ] 2 test(s).\nLeakSanitizer: detected\n", "fail")
    assert tally(tmp_path, leaked) == (1, "2 passed, 1 failed")


def test_a_program_that_could_not_start_is_a_failure(tmp_path: Path) -> None:
    case = '<testcase name="x" status="notrun"><skipped/></testcase>'
    assert tally(tmp_path, ctest(""), case) == (1, "1 passed, 1 failed")


def test_reports_of_ctest_and_pytest_are_added(tmp_path: Path) -> None:
    cases = (
        '<testcase name="a"/><testcase name="b"><skipped/></testcase>'
        '<testcase name="c"><error/></testcase>'
    )
    assert tally(tmp_path, ctest("ok"), cases) == (1, "2 passed, 1 failed, 1 skipped")


def test_a_missing_report_is_a_failure(tmp_path: Path) -> None:
    assert tally(tmp_path, ctest("ok"), "") == (1, "1 passed, 1 failed")


def test_no_test_at_all_is_not_a_success(tmp_path: Path) -> None:
    assert tally(tmp_path, "<properties/>") == (1, "0 passed, 0 failed")
