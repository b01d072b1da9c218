"""Holds what `--protocol fast` tells of a project against `--protocol pytest` and plain pytest."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from runners import Ended, fastest, plain, pytest_version

KNOWS_PYTEST = (7, 0) <= pytest_version() < (8, 0)
needs_short = pytest.mark.skipif(
    not KNOWS_PYTEST, reason="the short protocol is for pytest 7.0 to 7.4; others run by hooks"
)
WITHOUT_PLUGINS = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
VOLATILE = re.compile(r"0x[0-9a-f]{6,}|\d+\.\d{5,}")  # addresses, times
# What a module's tear-down writes is its last test's only where the next lease came in time.
LATE = re.compile(r"module down\\n")
# How a test finds out which way it was run: who stands above it on the stack.
WAY = """
import sys
def is_short():
    frame = sys._getframe(3)  # above is_short, note and the test
    return frame.f_code.co_filename.endswith("fastest_worker/short.py")
"""


def told(ended: Ended) -> dict[str, Any]:
    """What a run says of each test, without what two runs can't share."""
    tests = {}
    for test in ended.report["tests"]:
        texts = [test.get(key, "") for key in ("longrepr", "stdout", "stderr", "reason")]
        attempts = [(a["outcome"], a.get("longrepr", "")) for a in test["attempts"]]
        tests[test["nodeid"]] = LATE.sub(
            "", VOLATILE.sub("?", repr((test["outcome"], texts, attempts)))
        )
    return tests


def warned(ended: Ended) -> list[str]:
    lines = [
        (w["message"], w["category"], w.get("nodeid"), w.get("line"))
        for w in ended.report["warnings"]
    ]
    return sorted(VOLATILE.sub("?", repr(line)) for line in lines)


def assert_same_either_way(
    root: Path, *args: str, env: dict[str, str] | None = WITHOUT_PLUGINS
) -> Ended:
    expected = plain(root, *(arg for arg in args if arg != "--"), env=env)
    both = {
        way: fastest(root, "--protocol", way, *args, workers=0, env=env)
        for way in ("pytest", "fast")
    }
    for way, ours in both.items():
        assert ours.outcomes == expected.outcomes, way + ours.out + ours.err
        assert ours.status == expected.status, way + ours.out + ours.err
    fast, by_hooks = told(both["fast"]), told(both["pytest"])
    assert fast.keys() == by_hooks.keys()
    differ = [(fast[name], by_hooks[name]) for name in fast if fast[name] != by_hooks[name]]
    assert not differ, differ
    assert warned(both["fast"]) == warned(both["pytest"])
    return both["fast"]


def short_tests(root: Path, *args: str, env: dict[str, str] | None = WITHOUT_PLUGINS) -> set[str]:
    """The tests that took the short way, by what they wrote down."""
    (root / "way.py").write_text(WAY)
    ours = fastest(root, *args, workers=0, env=env)
    log = root / "short.log"
    names = set(log.read_text().split()) if log.exists() else set()
    assert ours.report["summary"]["total"] > 0, ours.out + ours.err
    return names
