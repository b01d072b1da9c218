"""Runs a project with plain pytest and with fastest, and compares.

FASTEST_BIN names the folder of the programs under test, FASTEST_TEST_PYTHON
the interpreter with pytest (default: /usr/bin/python3), PYTEST_TREE the source
trees to use in place of its pytest: that of pytest and of what it needs, with
':' between them (docs/versions.md). Then no plugins are loaded by themselves.
"""

from __future__ import annotations

import functools
import json
import os
import signal
import subprocess
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
BIN = Path(os.environ.get("FASTEST_BIN", HERE.parents[1] / "build" / "dev" / "bin"))
PYTHON = os.environ.get("FASTEST_TEST_PYTHON", "/usr/bin/python3")
PYTEST_SCRIPT = "import sys, pytest; sys.argv[0] = 'pytest'; sys.exit(pytest.main())"
TIMEOUT_S = 300
TREES = [
    str(tree / "src" if (tree / "src").is_dir() else tree)
    for tree in map(Path, filter(None, os.environ.get("PYTEST_TREE", "").split(os.pathsep)))
]


@dataclass
class Ended:
    """How one process ended: its exit status and what it printed."""

    status: int
    out: str
    err: str
    outcomes: dict[str, str] = field(default_factory=dict)
    report: dict = field(default_factory=dict)
    deselected: int = 0

    @property
    def last_line(self) -> str:
        lines = self.out.strip().splitlines()
        return lines[-1] if lines else ""


def environment(**extra: str) -> dict[str, str]:
    """Ours, without what an outer run or the user's settings would add."""
    env = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("FASTEST_", "PYTEST_")) and key not in ("CI", "VIRTUAL_ENV")
    }
    env.update({"COLUMNS": "80", **extra})
    return with_trees(env)


def with_trees(env: dict[str, str]) -> dict[str, str]:
    """The environment in which the interpreter finds the pytest of PYTEST_TREE, if that is set."""
    given = env.get("PYTHONPATH", "")
    if TREES and not given.startswith(TREES[0]):
        env["PYTHONPATH"] = os.pathsep.join(TREES + ([given] if given else []))
        env.setdefault("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    return env


def python_says(code: str) -> str:
    """What the interpreter under test prints."""
    command = [PYTHON, "-P", "-c", code]
    return subprocess.check_output(command, env=environment(), text=True).strip()


@functools.lru_cache(maxsize=None)
def pytest_version() -> tuple[int, int]:
    """Of the pytest under test, which need not be the one that runs this."""
    major, minor = python_says("import pytest; print(pytest.__version__)").split(".")[:2]
    return int(major), int(minor)


needs_plugins = pytest.mark.skipif(
    bool(TREES), reason="with PYTEST_TREE no plugins of the interpreter are loaded"
)


def plain(cwd: Path, *args: str, env: dict[str, str] | None = None, cache: bool = False) -> Ended:
    """Plain pytest; goes on after collection errors, as fastest does."""
    with tempfile.TemporaryDirectory() as scratch:
        record = Path(scratch) / "record.json"
        full_env = environment(
            VERDICT_RECORD=str(record),
            PYTEST_DEBUG_TEMPROOT=scratch,
            PYTHONDONTWRITEBYTECODE="1",
            **(env or {}),
        )
        path = full_env.get("PYTHONPATH")
        full_env["PYTHONPATH"] = str(HERE) + (os.pathsep + path if path else "")
        command = [PYTHON, "-P", "-c", PYTEST_SCRIPT, "-p", "verdict_recorder"]
        command += ["--continue-on-collection-errors", *args]
        command += [] if cache else ["-p", "no:cacheprovider"]
        done = subprocess.run(
            command, cwd=cwd, env=full_env, capture_output=True, text=True, timeout=TIMEOUT_S
        )
        found = json.loads(record.read_text()) if record.exists() else {"outcomes": {}}
        ended = Ended(done.returncode, done.stdout, done.stderr, found["outcomes"])
        ended.deselected = found.get("deselected", 0)
        return ended


def fastest_command(*args: str, workers: int | None = 2) -> list[str]:
    command = [str(BIN / "fastest-coord"), "run", "--python", PYTHON]
    return command + ([] if workers is None else ["-n", str(workers)]) + list(args)


def fastest(
    cwd: Path, *args: str, workers: int | None = 2, env: dict[str, str] | None = None
) -> Ended:
    """`fastest-coord run`; outcomes come from its JSON report."""
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "report.json"
        full_env = environment(
            PYTEST_DEBUG_TEMPROOT=scratch, PYTHONDONTWRITEBYTECODE="1", **(env or {})
        )
        command = fastest_command("--report-json", str(path), *args, workers=workers)
        done = subprocess.run(
            command, cwd=cwd, env=full_env, capture_output=True, text=True, timeout=TIMEOUT_S
        )
        ended = Ended(done.returncode, done.stdout, done.stderr)
        if path.exists():
            ended.report = json.loads(path.read_text())
            ended.outcomes = read_outcomes(ended.report)
        return ended


def read_outcomes(report: dict) -> dict[str, str]:
    """{node id: outcome} of a JSON report, held against its own summary."""
    outcomes = {test["nodeid"]: test["outcome"] for test in report["tests"]}
    assert len(outcomes) == len(report["tests"]), "a node id stands twice in the report"
    counted = Counter(outcomes.values())
    for name in ("passed", "failed", "error", "skipped", "xfailed", "xpassed"):
        assert report["summary"][name] == counted[name], name
    assert report["summary"]["total"] == len(outcomes)
    return outcomes


def differences(expected: dict[str, str], ours: dict[str, str]) -> list[str]:
    """A line for each test that plain pytest and fastest see differently."""
    return [
        f"{test}: pytest {expected.get(test)}, fastest {ours.get(test)}"
        for test in sorted(expected.keys() | ours.keys())
        if expected.get(test) != ours.get(test)
    ]


def assert_same_verdict(
    cwd: Path,
    *args: str,
    workers: int | None = 2,
    env: dict[str, str] | None = None,
    options: tuple[str, ...] = (),
) -> tuple[Ended, Ended]:
    """Plain pytest's outcomes and exit status equal ours; `options` are only fastest's."""
    expected = plain(cwd, *args, env=env)
    ours = fastest(cwd, *options, *args, workers=workers, env=env)
    differ = differences(expected.outcomes, ours.outcomes)
    assert not differ, "\n".join([*differ, ours.out + ours.err])
    assert ours.status == expected.status, ours.out + ours.err
    return expected, ours


def write_files(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root


def interrupt(process: subprocess.Popen[str]) -> None:
    """SIGINT to one process that this test started."""
    os.kill(process.pid, signal.SIGINT)
