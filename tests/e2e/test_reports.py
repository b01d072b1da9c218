"""--events, --report-json and --github against what they promise; paths that can't be written."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import jsonschema
from everything import FILES
from runners import environment, fastest, fastest_command, write_files

SCHEMAS = Path(__file__).resolve().parents[2] / "schema"
FEW_PLUGINS = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
UNSURE = """
import os, pathlib
def test_flaky():
    seen = pathlib.Path("seen")
    again = seen.exists()
    seen.touch()
    assert again, "50%, or so"
def test_dies(): os._exit(3)
"""
ONE = "import pathlib\ndef test_one(): pathlib.Path('ran').touch()\n"


def validator(name: str) -> jsonschema.Draft202012Validator:
    path = SCHEMAS / name
    schema = json.loads(path.read_text())
    resolver = jsonschema.RefResolver(path.as_uri(), schema)
    return jsonschema.Draft202012Validator(schema, resolver=resolver)


def lines_of(text: str) -> list[dict]:
    check = validator("events.schema.json")
    events = [json.loads(line) for line in text.splitlines()]
    for event in events:
        check.validate(event)
    return events


def test_one_run_is_told_alike_by_all_reports(tmp_path: Path) -> None:
    write_files(tmp_path, {**{f"tests/{name}": text for name, text in FILES.items()}})
    write_files(tmp_path, {"tests/test_unsure.py": UNSURE, "summary.md": "before\n"})
    github = {"GITHUB_WORKSPACE": str(tmp_path), "GITHUB_STEP_SUMMARY": "../summary.md"}
    ours = fastest(
        tmp_path / "tests",
        "--retries=1",
        "--events=e.jsonl",
        "--github",
        env={**FEW_PLUGINS, **github},
    )
    assert ours.status == 1
    validator("report.schema.json").validate(ours.report)

    events = lines_of((tmp_path / "tests" / "e.jsonl").read_text())
    assert events[0]["event"] == "run_started" and events[-1]["event"] == "run_finished"
    assert events[-1]["summary"] == ours.report["summary"]
    assert events[-1]["exit_code"] == 1
    told = {
        event["nodeid"]: event["outcome"]
        for event in events
        if event["event"] in ("test_finished", "test_amended")
    }
    assert told == ours.outcomes
    kinds = {event["event"] for event in events}
    assert {"discovered", "agent_joined", "worker_started", "worker_ended", "collected"} <= kinds
    retried = [event for event in events if event["event"] == "test_retried"]
    assert ("test_unsure.py::test_flaky", "failed", "retry") in {
        (event["nodeid"], event["outcome"], event["reason"]) for event in retried
    }
    warned = [event["message"] for event in events if event["event"] == "warning"]
    assert sorted(warned) == sorted(one["message"] for one in ours.report["warnings"])

    notes = [line for line in ours.out.splitlines() if line.startswith("::")]
    assert len(notes) == len([note for note in notes if note.startswith("::error ")]) + 1
    (flaky,) = [note for note in notes if note.startswith("::warning ")]
    assert "title=test_unsure.py%3A%3Atest_flaky::AssertionError: 50%25, or so%0A" in flaky
    line = FILES["test_all.py"].splitlines().index("    assert left == right") + 1
    (fails,) = [note for note in notes if "%3A%3Atest_fails::" in note]
    assert fails.startswith(f"::error file=tests/test_all.py,line={line},title=")
    (dies,) = [note for note in notes if "%3A%3Atest_dies::" in note]
    assert dies.startswith("::error file=tests/test_unsure.py,title=")
    assert ours.last_line.startswith("=")

    summary = (tmp_path / "summary.md").read_text()
    assert summary.startswith("before\n## Tests: tests failed in ")
    assert "| flaky | 1 |" in summary
    assert (
        "<code>test_all.py::TestClass::test_method</code> RuntimeError: two lines &lt;" in summary
    )


def test_events_on_standard_output_leave_it_to_them(tmp_path: Path) -> None:
    write_files(tmp_path, {"test_a.py": ONE})
    ours = fastest(tmp_path, "--events=-", workers=1, env=FEW_PLUGINS)
    events = [event["event"] for event in lines_of(ours.out)]
    assert (events[0], events[-1]) == ("run_started", "run_finished")
    assert events.count("test_finished") == 1
    assert "1 passed" in ours.err


def run(cwd: Path, *args: str) -> subprocess.CompletedProcess[str]:
    command = fastest_command(*args, workers=1)
    env = environment(**FEW_PLUGINS, GITHUB_STEP_SUMMARY="test_a.py/summary.md")
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=60)


def test_a_path_that_cannot_be_written_is_told_before_tests_run(tmp_path: Path) -> None:
    write_files(tmp_path, {"test_a.py": ONE})
    for option, path, why in (
        ("--junitxml=test_a.py/r.xml", "test_a.py/r.xml", "Not a directory"),
        (f"--report-json={tmp_path}", str(tmp_path), "Is a directory"),
        ("--events=test_a.py/e", "test_a.py/e", "Not a directory"),
        ("--github", "test_a.py/summary.md", "Not a directory"),
    ):
        done = run(tmp_path, option)
        line = f"ERROR: cannot write the report {path}: {why}\n"
        assert (done.returncode, done.stdout, done.stderr) == (4, "", line)
    assert not (tmp_path / "ran").exists()


def test_a_report_that_fails_at_the_end_leaves_the_others(tmp_path: Path) -> None:
    write_files(tmp_path, {"test_a.py": ONE})
    for name in ("full.xml", "full.jsonl"):
        (tmp_path / name).symlink_to("/dev/full")
    done = run(tmp_path, "--junitxml=full.xml", "--events=full.jsonl", "--report-json=new/r.json")
    assert done.returncode == 3
    assert done.stderr.splitlines() == [
        f"ERROR: cannot write the report {name}: No space left on device"
        for name in ("full.xml", "full.jsonl")
    ]
    assert "1 passed" in done.stdout
    assert json.loads((tmp_path / "new" / "r.json").read_text())["summary"]["passed"] == 1
