"""xdist's controller hooks: one host process sees every worker come and go, and speaks last."""

from __future__ import annotations

from pathlib import Path

import pytest
from runners import fastest, write_files

TESTS = """
import os, pytest
@pytest.mark.parametrize("n", range(5))
def test_given(request, n):
    config = request.config
    assert config.workerinput["number"] == {"n": 7, "bytes": b"x", "set": {1, 2}}
    assert config.workerinput["database"] == "db_" + os.environ["PYTEST_XDIST_WORKER"]
    config.workeroutput["ran"] = config.workeroutput.get("ran", 0) + 1
"""
CONFTEST = """
import os, json, time
LOG = os.path.join(os.path.dirname(__file__), "log")
def log(*words):
    with open(LOG, "a") as file:
        file.write(" ".join(map(str, words)) + "\\n")
def role(config):
    return "worker" if hasattr(config, "workerinput") else "host"
def pytest_xdist_setupnodes(config, specs):
    log("setupnodes", role(config), *(spec.id for spec in specs))
def pytest_configure_node(node):
    log("configure_node", role(node.config), node.gateway.id)
    node.workerinput["number"] = {"n": 7, "bytes": b"x", "set": {1, 2}}
    node.workerinput["database"] = "db_" + node.workerinput["workerid"]
def pytest_testnodeready(node):
    log("testnodeready", role(node.config), node.gateway.id)
def pytest_testnodedown(node, error):
    output = getattr(node, "workeroutput", {})
    log("testnodedown", role(node.config), node.gateway.id, output.get("ran", "-"), error)
def pytest_sessionstart(session):
    log("sessionstart", role(session.config), "PYTEST_XDIST_WORKER" in os.environ)
def pytest_sessionfinish(session):
    log("sessionfinish", role(session.config), session.testsfailed)
def pytest_terminal_summary(terminalreporter, exitstatus):
    terminalreporter.section("of the host")
    terminalreporter.line(f"exit status {exitstatus}")
"""


def project(root: Path, conftest: str = CONFTEST, tests: str = TESTS, count: int = 2) -> Path:
    files = {f"test_{n}.py": tests for n in range(count)}
    return write_files(root, {**files, "conftest.py": conftest})


def log_of(root: Path) -> list[str]:
    return (root / "log").read_text().splitlines()


def test_fills_workerinput_and_hears_of_each_workers_end(tmp_path: Path) -> None:
    ours = fastest(project(tmp_path))
    assert ours.status == 0, ours.out + ours.err
    assert ours.report["summary"]["passed"] == 10
    log = log_of(tmp_path)
    assert log.count("setupnodes host gw0 gw1") == 1
    assert "configure_node host gw0" in log
    assert "testnodeready host gw0" in log
    ends = [line.split() for line in log if line.startswith("testnodedown")]
    assert sum(int(words[3]) for words in ends if words[3] != "-") == 10
    assert {words[1] for words in ends} == {"host"}
    assert all(words[4] == "None" for words in ends if words[3] != "-")
    assert log.count("sessionstart host False") == 1
    assert log[-1] == "sessionfinish host 0"
    lines = ours.out.splitlines()
    assert any(line.strip("=") == " of the host " for line in lines)
    assert "exit status 0" in lines


def test_hears_of_a_crash_and_of_failures(tmp_path: Path) -> None:
    crash = TESTS + "    if n == 2: os._exit(9)\n    assert n != 3\n"
    ours = fastest(project(tmp_path, tests=crash, count=1), workers=1)
    assert ours.status == 1, ours.out + ours.err
    assert sorted(ours.outcomes.values()) == ["failed", "failed", "passed", "passed", "passed"]
    ends = [line for line in log_of(tmp_path) if line.startswith("testnodedown")]
    assert ends[0].startswith("testnodedown host gw0 - Not properly terminated")
    assert ends[1].startswith("testnodedown host gw0 2 None")
    configured = [line for line in log_of(tmp_path) if line.startswith("configure_node")]
    assert len(configured) >= 2
    assert log_of(tmp_path)[-1] == "sessionfinish host 2"
    assert "exit status 1" in ours.out.splitlines()


ONCE = """
import os
HERE = os.path.dirname(__file__)
def is_controller(config): return not hasattr(config, "workerinput")
def pytest_configure(config):
    if is_controller(config):
        os.mkdir(os.path.join(HERE, "database"))
def pytest_unconfigure(config):
    if is_controller(config):
        os.rmdir(os.path.join(HERE, "database"))
"""


def test_what_a_conftest_does_in_the_controller_alone_is_done_once(tmp_path: Path) -> None:
    tests = "import os\ndef test_there(): assert os.path.isdir('database')\n"
    ours = fastest(project(tmp_path, ONCE, tests))
    assert ours.status == 0, ours.out + ours.err
    assert not (tmp_path / "database").exists()


def test_no_host_where_nobody_asks_for_one(tmp_path: Path) -> None:
    conftest = CONFTEST[: CONFTEST.index("def pytest_xdist_setupnodes")]
    conftest += (
        CONFTEST[CONFTEST.index("def pytest_sessionstart") :]
        .replace("role(session.config)", "'worker'")
        .replace('"PYTEST_XDIST_WORKER" in os.environ', "True")
    )
    ours = fastest(project(tmp_path, conftest, "def test_x(): pass\n"))
    assert ours.status == 0, ours.out + ours.err
    assert "of the host" not in ours.out
    assert "host" not in (tmp_path / "log").read_text()


FATAL = {
    "configuring": ("def pytest_configure_node(node): raise ValueError('no database')\n", 3),
    "what can't travel": ("def pytest_configure_node(node): node.workerinput['x'] = node\n", 4),
    "starting": (
        "def pytest_configure_node(node): pass\ndef pytest_configure(config):\n"
        "    if not hasattr(config, 'workerinput'): raise ValueError('no database')\n",
        3,
    ),
}


@pytest.mark.parametrize("when", FATAL)
def test_a_host_that_fails_ends_the_run_with_its_words(tmp_path: Path, when: str) -> None:
    conftest, _ = FATAL[when]
    ours = fastest(project(tmp_path, conftest, "def test_x(): pass\n"))
    text = "workerinput of gw0: 'x' can't be sent" if "x'] = node" in conftest else "no database"
    assert text in ours.out + ours.err, ours.out + ours.err
    assert ours.status in (1, 3, 4)
    assert not ours.outcomes


def test_a_host_that_dies_costs_its_report_not_the_tests(tmp_path: Path) -> None:
    conftest = "import os\ndef pytest_configure_node(node): os._exit(7)\n"
    ours = fastest(project(tmp_path, conftest, "def test_x(): pass\n"))
    assert ours.report["summary"]["passed"] == 2
    assert "the host of xdist's controller hooks ended too early" in ours.out
    assert ours.status == 1


def test_a_plugins_exit_code_counts(tmp_path: Path) -> None:
    conftest = (
        "def pytest_configure_node(node): pass\n"
        "def pytest_sessionfinish(session): session.exitstatus = 77\n"
    )
    ours = fastest(project(tmp_path, conftest, "def test_x(): pass\n"))
    assert ours.status == 77
    assert ours.report["exit_code"] == 77


PLUGIN = """
class Hooks:
    def pytest_configure_node(self, node):
        node.workerinput["number"] = 7
"""
REGISTERS = """
import os, pathlib
import helper

with open(pathlib.Path(__file__).parent / "imports", "a") as file:
    file.write("x")

def pytest_configure(config):
    config.pluginmanager.register(%s)
"""
NUMBERED = "def test_it(request): assert request.config.workerinput['number'] == 7\n"


def test_a_worker_that_can_tell_early_is_not_started_again(tmp_path: Path) -> None:
    """What conftest.py imports tells it: then the host and one worker import it, once each."""
    conftest = REGISTERS % "helper.Hooks()"
    files = {"helper.py": PLUGIN, "conftest.py": conftest, "test_x.py": NUMBERED}
    ours = fastest(write_files(tmp_path, files), workers=1)
    assert ours.outcomes == {"test_x.py::test_it": "passed"}, ours.out + ours.err
    assert len((tmp_path / "imports").read_text()) == 2


def test_the_next_run_starts_the_host_at_once_and_forgets_it_when_nobody_asks(
    tmp_path: Path,
) -> None:
    inside = "type('Late', (), {'pytest_configure_node': helper.make()})()"
    helper = "def make():\n    return lambda self, node: node.workerinput.update(number=7)\n"
    files = {"helper.py": helper, "conftest.py": REGISTERS % inside, "test_x.py": NUMBERED}
    root = write_files(tmp_path, files)

    def imports(**changed: str) -> int:
        (root / "imports").unlink(missing_ok=True)
        ours = fastest(write_files(root, changed), workers=1)
        assert ours.outcomes == {"test_x.py::test_it": "passed"}, ours.out + ours.err
        return len((root / "imports").read_text())

    assert [imports(), imports()] == [3, 2]
    plain = {"conftest.py": REGISTERS % "object()", "test_x.py": "def test_it(): pass\n"}
    assert [imports(**plain), imports()] == [2, 1]
