"""The verdict equals plain pytest's on small projects of every kind."""

from __future__ import annotations

from pathlib import Path

from runners import assert_same_verdict, fastest, plain, write_files

EVERY_OUTCOME = """
import pytest, unittest

def test_passes(): pass
def test_fails(): assert 1 == 2
def test_skips(): pytest.skip("not today")
@pytest.mark.xfail
def test_xfails(): assert 0
@pytest.mark.xfail
def test_xpasses(): pass
@pytest.mark.xfail(strict=True)
def test_strictly_xpasses(): pass
@pytest.fixture
def bad_setup(): raise ValueError("setup")
@pytest.fixture
def bad_teardown():
    yield
    raise ValueError("teardown")
def test_setup_error(bad_setup): pass
def test_teardown_error(bad_teardown): pass
def test_both(bad_teardown): assert 0
@pytest.mark.parametrize("nothing", [])
def test_empty(nothing): pass
class TestUnit(unittest.TestCase):
    def test_sub(self):
        with self.subTest(1): self.fail("inside")
    @unittest.expectedFailure
    def test_expected(self): self.fail()
    @unittest.skip("no")
    def test_skipped(self): pass
"""


def test_every_outcome(tmp_path: Path) -> None:
    _, ours = assert_same_verdict(write_files(tmp_path, {"test_a.py": EVERY_OUTCOME}))
    assert set(ours.outcomes.values()) == {
        "passed",
        "failed",
        "skipped",
        "xfailed",
        "xpassed",
        "error",
    }


def test_modules_that_skip_themselves_and_collect_errors_count_under_their_path(
    tmp_path: Path,
) -> None:
    files = {
        "test_skip.py": "import pytest\npytest.skip('all of it', allow_module_level=True)\n",
        "test_need.py": "import pytest\npytest.importorskip('no_such_module')\n",
        "test_bad.py": "raise RuntimeError('at import')\n",
        "pkg/__init__.py": "",
        "pkg/test_ok.py": "def test_ok(): pass\n",
    }
    assert_same_verdict(write_files(tmp_path, files))


ORDERED = """
import pytest
log = []
@pytest.fixture(scope="module", params=["a", "b"])
def mod(request):
    log.append("up " + request.param)
    yield request.param
    log.append("down " + request.param)
@pytest.fixture(scope="class")
def cls():
    log.append("class up")
    yield
    log.append("class down")
class TestOne:
    def test_x(self, mod, cls): log.append("x " + mod)
    def test_y(self, mod, cls): log.append("y " + mod)
def test_z(mod): log.append("z " + mod)
def test_log():
    assert log == EXPECTED
"""


def test_fixtures_of_every_scope_live_as_in_pytest(tmp_path: Path) -> None:
    probe = ORDERED.replace("assert log == EXPECTED", "print('LOG=%r' % (log,))")
    write_files(tmp_path / "probe", {"test_a.py": probe})
    out = plain(tmp_path / "probe", "-s").out
    log = out.split("LOG=")[1].splitlines()[0].rstrip(".")
    text = ORDERED.replace("EXPECTED", log)
    _, ours = assert_same_verdict(write_files(tmp_path / "suite", {"test_a.py": text}))
    assert set(ours.outcomes.values()) == {"passed"}


MADE_AT_RUN_TIME = """
import unittest
class TestMade: pass
for _n in range(5):
    setattr(TestMade, f"test_{_n}", lambda self, n=_n: None)
globals()["test_injected"] = lambda: None
def make(name):
    return type(name, (unittest.TestCase,), {"test_it": lambda self: None})
Case = make("Case")
def test_plain(): pass
"""


def test_tests_made_at_run_time_are_found_and_run_once(tmp_path: Path) -> None:
    _, ours = assert_same_verdict(write_files(tmp_path, {"test_a.py": MADE_AT_RUN_TIME}))
    assert len(ours.outcomes) == 8


def test_tests_that_only_look_like_tests_are_no_tests(tmp_path: Path) -> None:
    text = (
        "import pytest\n"
        "class TestWithInit:\n    def __init__(self): pass\n    def test_a(self): pass\n"
        "class TestOff:\n    __test__ = False\n    def test_a(self): pass\n"
        "def test_gone(): pass\n"
        "del test_gone\n"
        "@pytest.fixture\ndef test_fixture(): pass\n"
        "def test_real(): pass\n"
        "def test_real(): assert True\n"
    )
    _, ours = assert_same_verdict(write_files(tmp_path, {"test_a.py": text}))
    assert list(ours.outcomes) == ["test_a.py::test_real"]


def test_inherited_and_imported_tests_run_where_pytest_runs_them(tmp_path: Path) -> None:
    files = {
        "__init__.py": "",
        "base.py": "class Base:\n    def test_base(self): assert self.n\ndef test_imported(): pass\n",
        "test_a.py": (
            "from .base import Base, test_imported\n"
            "class TestA(Base):\n    n = 1\n    def test_own(self): pass\n"
            "class TestB(TestA):\n    n = 0\n"
        ),
        "test_b.py": "from .test_a import *\n",
    }
    _, ours = assert_same_verdict(write_files(tmp_path, files))
    assert ours.outcomes["test_a.py::TestB::test_base"] == "failed"


MODULE_STATE = """
import time
seen = []
""" + "".join(
    f"def test_{i:02}():\n    time.sleep(0.05)\n    seen.append({i})\n"
    f"    assert seen == list(range({i} + 1))\n"
    for i in range(30)
)


def test_tests_that_lean_on_each_other_pass_though_their_file_was_split(tmp_path: Path) -> None:
    _, ours = assert_same_verdict(write_files(tmp_path, {"test_a.py": MODULE_STATE}))
    assert set(ours.outcomes.values()) == {"passed"}


# Work is handed over between tests, so that each waits for a while only.
WAITS_FOR_ANOTHER = """
import os, pathlib, time, pytest
seen = pathlib.Path(__file__).parent / "seen"

@pytest.mark.parametrize("n", range(60))
def test_n(n):
    if "FASTEST_RUN_ID" not in os.environ:
        return
    seen.mkdir(exist_ok=True)
    (seen / str(os.getpid())).touch()
    end = time.monotonic() + 1
    while len(os.listdir(seen)) < 2 and time.monotonic() < end:
        time.sleep(0.01)
"""


def test_a_long_file_is_split_over_the_workers(tmp_path: Path) -> None:
    _, ours = assert_same_verdict(write_files(tmp_path, {"test_a.py": WAITS_FOR_ANOTHER}))
    assert {test["slot"] for test in ours.report["tests"]} == {0, 1}


def test_a_class_with_a_class_fixture_stays_whole(tmp_path: Path) -> None:
    text = (
        "import time, unittest\n"
        "class TestCase(unittest.TestCase):\n"
        "    @classmethod\n    def setUpClass(cls): cls.n = 0\n"
        + "".join(f"    def test_{i:02}(self): time.sleep(0.03)\n" for i in range(40))
    )
    _, ours = assert_same_verdict(write_files(tmp_path, {"test_a.py": text}))
    assert len({test["worker_pid"] for test in ours.report["tests"]}) == 1


def test_what_stands_behind_the_dashes_reaches_pytest(tmp_path: Path) -> None:
    text = "import warnings\ndef test_a(): warnings.warn('x')\n"
    write_files(tmp_path, {"test_a.py": text})
    assert fastest(tmp_path, "--", "-W", "error").status == 1
    assert plain(tmp_path, "-W", "error").status == 1


def test_suites_written_for_xdist_find_what_they_expect(tmp_path: Path) -> None:
    text = (
        "import os\n"
        "def test_environment(worker_id, testrun_uid, request):\n"
        "    assert worker_id == os.environ['PYTEST_XDIST_WORKER']\n"
        "    assert worker_id in ('gw0', 'gw1')\n"
        "    assert os.environ['PYTEST_XDIST_WORKER_COUNT'] == '2'\n"
        "    assert os.environ['PYTEST_XDIST_TESTRUNUID'] == testrun_uid\n"
        "    assert request.config.workerinput['workerid'] == worker_id\n"
        "    assert os.environ['FASTEST_RUN_ID'] == testrun_uid\n"
        "    assert os.environ['FASTEST_SLOT'] and os.environ['FASTEST_AGENT']\n"
        "    assert os.environ['FASTEST_ATTEMPT'] == '1'\n"
    )
    write_files(tmp_path, {"test_a.py": text})
    for args in ((), ("-p", "no:xdist")):
        ours = fastest(tmp_path, *args)
        assert ours.status == 0, ours.out
