"""Agents that join a run or don't, and that leave it."""

from __future__ import annotations

import json
import stat
from pathlib import Path

from live import wait_for
from runners import PYTHON, python_says
from test_farm import FILES, GATED, TESTS, farm


def other_python(path: Path, said: str) -> str:
    """An interpreter that says other versions than it has."""
    path.write_text(
        "#!/bin/sh\n"
        f'case "$2" in *versions*) echo "versions: {said}" ;; *) exec {PYTHON} "$@" ;; esac\n'
    )
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def test_who_differs_is_refused_or_lets_it_be_known(tmp_path: Path) -> None:
    python = python_says("import platform; print(platform.python_version())")
    pytest_version = python_says("import pytest; print(pytest.__version__)")
    files = {**FILES, "test_gated.py": GATED, "deep/test_deep.py": "def test_deep(): pass\n"}
    with farm(tmp_path, files) as one:
        events = tmp_path / "events"
        one.start("-v", "--events", str(events), "--no-history", workers=1)
        one.at("local")

        def refused(name: str, why: str, *args: str) -> None:
            agent = one.agent(name, *args)
            assert agent.wait(timeout=60) == 4
            line = f"refused: {why}; --allow-mismatch joins all the same\n"
            assert one.said(name).endswith(line) and one.said(name).count("\n") == 1
            assert f"\nfastest-coord: warn: refused agent {name} (" in one.said("run")
            assert why in one.said("run")

        place = one.checkout("other")
        (place / "test_2.py").write_text(TESTS + "\n")
        (place / "test_3.py").unlink()
        (place / "deep" / "conftest.py").write_text("")
        (place / "test_more.py").write_text("")
        (place / "pyproject.toml").write_text("[tool.pytest.ini_options]\n")
        (place / "notes.txt").write_text("of no concern\n")
        refused(
            "other",
            "another checkout: 5 files differ from the coordinator's: deep/conftest.py (extra),"
            " pyproject.toml (extra), test_2.py (differs), test_3.py (missing),"
            " test_more.py (extra)",
        )
        newer = other_python(tmp_path / "python-newer", f"3.99.1 {pytest_version}")
        refused(
            "newer",
            f"the agent's Python is 3.99.1, the coordinator's {python}",
            "--python",
            newer,
        )
        older = other_python(tmp_path / "python-older", f"{python.rpartition('.')[0]}.77 2.9.2")
        why = f"the agent's pytest is 2.9.2, the coordinator's {pytest_version}"
        refused("older", why, "--python", older)

        (one.checkout("let") / "test_2.py").write_text(TESTS + "\n")
        labels = ["--label", "rack=b", "--label", "gpu=", "--label", "rack=c=d"]
        one.agent("let", "--python", older, "--allow-mismatch", *labels)
        one.joined("let")
        one.open_gate()
        one.holds()
        why += "; another checkout: 1 file differs from the coordinator's: test_2.py (differs)"
        assert f"takes part in spite of {why}" in one.said("let")
        assert "from gw1 on (rack=b gpu= rack=c=d)" in one.said("run")
        report = json.loads(one.report.read_text())
        assert [w["message"] for w in report["warnings"]] == [
            f"agent let takes part in spite of {why}"
        ]
        wanted = {"local": {}, "let": {"rack": "c=d", "gpu": ""}}
        assert {agent["name"]: agent["labels"] for agent in report["agents"]} == wanted
        lines = [json.loads(line) for line in events.read_text().splitlines()]
        came = {e["agent"]: e["labels"] for e in lines if e["event"] == "agent_joined"}
        assert came == wanted


def test_without_an_interpreter_of_its_own_the_first_agents_versions_count(tmp_path: Path) -> None:
    with farm(tmp_path, {"test_1.py": TESTS, "test_gated.py": GATED}) as one:
        other = other_python(tmp_path / "python-other", "3.99.1 2.9.2")
        one.start("--agents", "1", "--python", "", workers=0)
        one.agent("first", "--python", other, "--once")
        one.at("first")
        agent = one.agent("second")
        assert agent.wait(timeout=60) == 4
        assert "the coordinator's 3.99.1; its pytest is" in one.said("second")
        one.open_gate()
        one.holds()


def test_what_runs_when_an_agent_leaves_may_take_a_time_then_it_runs_elsewhere(
    tmp_path: Path,
) -> None:
    with farm(tmp_path, {"test_.py": GATED, "test_1.py": TESTS}) as one:
        one.start("--agents", "1", "--drain-timeout", "0.2", "--order", "file", workers=0)
        agent = one.agent("a")
        one.at("a")
        agent.terminate()
        assert agent.wait(timeout=60) == 0
        wait_for("the goodbye", lambda: "agent a has left" in one.said("run"))
        one.open_gate()
        one.agent("b", "--once")
        one.holds()
        assert "lost" not in one.said("run") and "dropped" not in one.said("run")
        report = json.loads(one.report.read_text())
        tries = {test["nodeid"]: len(test["attempts"]) for test in report["tests"]}
        assert tries["test_.py::test_waits"] == 1


def test_who_is_there_gets_ready_while_others_are_awaited(tmp_path: Path) -> None:
    many = "\n".join(f"def test_{n}(): pass" for n in range(100))
    with farm(tmp_path, {**FILES, "test_many.py": many}) as one:
        events = tmp_path / "events"
        one.start("--agents", "2", "--events", str(events), workers=0)
        one.agent("a", "-n", "3", "--once")

        def pids() -> list[int]:
            lines = [json.loads(line) for line in events.read_text().splitlines()]
            return [e["worker_pid"] for e in lines if e["event"] == "worker_started"]

        wait_for("three workers", lambda: len(pids()) == 3)
        said = [Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0") for pid in pids()]
        assert all(b"zygote" in words for words in said)
        assert one.ran() == []
        one.agent("b", "--once")
        one.holds()


def test_one_machine_that_lacks_something_takes_no_part(tmp_path: Path) -> None:
    """What ends a run where all lack it costs the others nothing, and is said once."""
    conftest = (
        "import os\nif os.environ.get('FASTEST_AGENT') == 'poor':\n    import no_such_module\n"
    )
    with farm(tmp_path, {**FILES, "conftest.py": conftest, "test_gated.py": GATED}) as one:
        one.start(workers=1)
        one.at("local")
        poor = one.agent("poor")
        says = "agent poor takes no part, its workers can't start: "
        wait_for("the news", lambda: says in one.said("run"))
        one.agent("b", "--once")
        one.joined("b")
        one.open_gate()
        one.holds()
        told = one.said("run")
        assert f"{says}ModuleNotFoundError: No module named 'no_such_module'\n" in told
        assert told.count("agent poor ") == 2  # it had joined
        assert "no worker can start here: ImportError while loading conftest" in one.said("poor")
        poor.terminate()
        assert poor.wait(timeout=60) == 0
