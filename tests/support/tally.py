"""Adds up JUnit reports of CTest and pytest: "N passed, N failed[, N skipped]".

A CTest test whose output is cmocka's counts as cmocka's tests; when such a
program fails without counting a failed test (it crashed, it leaked), that is
one failure more. A report that can't be read is one failure. Exit status 1 when
something failed or nothing ran.
"""

from __future__ import annotations

import dataclasses
import re
import sys
import xml.etree.ElementTree as ElementTree

# The lines that cmocka closes each group of tests with.
CMOCKA_COUNT = re.compile(r"^\[\s*(PASSED|FAILED|SKIPPED)\s*\] (\d+) test\(s\)", re.MULTILINE)
# A test's name, and what it printed last before it was skipped.
CMOCKA_SKIP = re.compile(r"^(.*)\n\[  SKIPPED \] ([A-Za-z_]\w*)$", re.MULTILINE)


@dataclasses.dataclass
class Tally:
    """How many tests ended how."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def add(self, outcome: str, count: int = 1) -> None:
        """outcome: PASSED, FAILED or SKIPPED, cmocka's words."""
        name = outcome.lower()
        setattr(self, name, getattr(self, name) + count)


def outcome_of(case: ElementTree.Element) -> str:
    if case.find("failure") is not None or case.find("error") is not None:
        return "FAILED"
    # CTest writes a test that it could not start as "notrun" and <skipped>.
    if case.get("status") == "notrun":
        return "FAILED"
    return "PASSED" if case.find("skipped") is None else "SKIPPED"


def add_case(tally: Tally, case: ElementTree.Element) -> None:
    """Adds one test case, or the cmocka tests in its output."""
    outcome = outcome_of(case)
    # Only CTest's cases have a status; a pytest test may print anything.
    output = case.findtext("system-out") if case.get("status") else None
    counts = CMOCKA_COUNT.findall(output or "")
    for name, count in counts:
        tally.add(name, int(count))
    for said, name in CMOCKA_SKIP.findall((output or "").partition(" test(s) run.")[0]):
        print(f"skipped: {case.get('name')}: {name}: {'' if said.startswith('[') else said}")
    failures = sum(int(count) for name, count in counts if name == "FAILED")
    if not counts or (outcome == "FAILED" and not failures):
        tally.add(outcome)


def main(paths: list[str]) -> int:
    tally = Tally()
    for path in paths:
        try:
            tree = ElementTree.parse(path)
        except (OSError, ElementTree.ParseError) as error:
            print(f"{path}: no report: {error}", file=sys.stderr)
            tally.failed += 1
            continue
        for case in tree.iter("testcase"):
            add_case(tally, case)
    line = f"{tally.passed} passed, {tally.failed} failed"
    if tally.skipped:
        line += f", {tally.skipped} skipped"
    print(line)
    return 0 if tally.passed and not tally.failed else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
