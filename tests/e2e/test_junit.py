"""--junitxml: element by element what pytest writes, in pytest's order."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from xml.etree import ElementTree

import pytest
from everything import FILES, junit_of, names_of
from live import running, wait_for
from lxml import etree
from runners import fastest, plain, write_files

SCHEMA = Path(__file__).resolve().parents[2] / "schema" / "junit.xsd"
FEW_PLUGINS = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
# How the worker gets at the reports: by the short protocol, by hooks, from a child.
WAYS = {"fast": (), "hooks": ("--protocol=pytest",), "child": ("--isolate=test",)}
INI = """[pytest]
junit_family = legacy
junit_logging = system-out
junit_log_passing_tests = false
junit_duration_report = call
junit_suite_name = mine & "yours"
addopts = --junit-prefix pre.fix
"""


def assert_same_report(root: Path, *args: str, options: tuple[str, ...] = ()) -> Path:
    """Plain pytest's report equals ours, which is returned."""
    expected, ours = root / "expected.xml", root / "ours" / "deep" / "junit.xml"
    plain(root, *args, f"--junitxml={expected}", env=FEW_PLUGINS)
    ended = fastest(root, *options, *args, "--junitxml", str(ours), env=FEW_PLUGINS)
    for one, other in zip(junit_of(expected), junit_of(ours)):
        assert one == other
    assert len(junit_of(expected)) == len(junit_of(ours))
    assert f"generated xml file: {ours}" in ended.out
    assert sorted(os.listdir(ours.parent)) == ["junit.xml"]
    return ours


@pytest.mark.parametrize("way", WAYS)
def test_every_outcome_and_all_that_was_captured(tmp_path: Path, way: str) -> None:
    options = ("-o", "junit_family=xunit1", "-o", "junit_logging=all")
    assert_same_report(write_files(tmp_path, FILES), *options, options=WAYS[way])


def test_the_common_schema(tmp_path: Path) -> None:
    files = {name: text.replace("record_xml_attribute", "request") for name, text in FILES.items()}
    files["test_all.py"] = files["test_all.py"].replace("    request(", "    (")
    ours = assert_same_report(write_files(tmp_path, files))
    etree.XMLSchema(etree.parse(str(SCHEMA))).assertValid(etree.parse(str(ours)))


def test_settings_of_the_ini_file(tmp_path: Path) -> None:
    write_files(tmp_path, {**FILES, "pytest.ini": INI})
    assert_same_report(tmp_path, "--tb=short", "test_all.py", "sub")


LATE = """
import os, pytest
@pytest.fixture(scope="session", autouse=True)
def session(record_testsuite_property):
    record_testsuite_property("each", "worker")
    yield
    assert 0, "session's tear-down"
def test_first(record_xml_attribute): record_xml_attribute("own", 1)
"""
DEATH = """
import os
def test_before(): pass
def test_dies(): os._exit(3)
"""


def test_a_tear_down_that_comes_later_is_in_its_test(tmp_path: Path) -> None:
    """The last lease is over before the session is."""
    write_files(tmp_path, {"test_late.py": LATE})
    options = ("-o", "junit_family=xunit1", "-o", "junit_logging=system-out", "--tb=short")
    assert_same_report(tmp_path, *options)


def test_a_crash_is_a_failure_and_what_a_worker_repeats_is_there_once(tmp_path: Path) -> None:
    write_files(tmp_path, {"conftest.py": LATE.split("def test_first")[0], "test_dead.py": DEATH})
    ours = fastest(tmp_path, "--junitxml=j.xml", "-o", "junit_family=xunit1", env=FEW_PLUGINS)
    assert ours.status == 1
    root = ElementTree.parse(tmp_path / "j.xml").getroot()
    assert [one.attrib for one in root.iter("property")] == [{"name": "each", "value": "worker"}]
    before, dead = root.iter("testcase")
    assert before.attrib["name"] == "test_before"
    assert {**dead.attrib, "time": ""} == {
        "classname": "test_dead",
        "name": "test_dies",
        "file": "test_dead.py",
        "time": "",
    }
    (failure,) = dead.findall("failure")
    assert "crashed while running 'test_dead.py::test_dies'" in failure.attrib["message"]
    suite = root[0].attrib
    assert (suite["tests"], suite["failures"], suite["errors"]) == ("2", "1", "0")


WAITING = """
import pathlib, time
def test_done(record_testsuite_property): record_testsuite_property("kept", "yes")
def test_waits():
    pathlib.Path("begun").write_text("yes")
    time.sleep(600)
def test_never(): pass
"""


def test_an_interrupted_run_has_what_was_done_and_a_resumed_one_all(tmp_path: Path) -> None:
    write_files(tmp_path, {"test_w.py": WAITING})
    with running(tmp_path, "--junitxml=j.xml", "--events=e.jsonl", workers=1) as run:
        run.wait_file("begun")
        wait_for("a result", lambda: "test_finished" in (tmp_path / "e.jsonl").read_text())
        run.process.send_signal(signal.SIGINT)
        status, _, _ = run.end()
    assert status == 2
    assert names_of(tmp_path / "j.xml") == ["test_done"]
    # The file is the same one to --resume: nothing of it has changed.
    resumed = fastest(tmp_path, "--resume", "--junitxml=k.xml", "--test-timeout=1", workers=None)
    assert resumed.status == 1
    assert names_of(tmp_path / "k.xml") == ["test_done", "test_waits", "test_never"]
    assert ("property", {"name": "kept", "value": "yes"}, "") in junit_of(tmp_path / "k.xml")
    kept = {test["nodeid"]: (test["kept"], test["start_s"]) for test in resumed.report["tests"]}
    assert kept["test_w.py::test_done"] == (True, None)
    assert not kept["test_w.py::test_never"][0] and kept["test_w.py::test_never"][1] > 0
