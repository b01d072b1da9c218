"""The short protocol tells the same as pytest's own: outcomes, texts, sections, warnings.

Each project runs with plain pytest, with `--protocol pytest` and with
`--protocol fast`, each time in one worker and in pytest's order.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from protocols import assert_same_either_way, needs_short, short_tests
from runners import PYTHON, write_files

BASIC = """
import gc, logging, os, subprocess, sys, threading, time, unittest, warnings
import pytest

def test_passes(): pass
def test_prints(): print("some output"); sys.stderr.write("some error\\n")
def test_prints_and_fails(): print("before"); assert [1, 2, 3] == [1, 2, 4]
def test_writes_to_descriptors(): os.write(1, b"out\\n"); os.write(2, b"err\\n")
def test_child_writes(): subprocess.run(["echo", "from a child"], check=True)
def test_logs(): logging.getLogger("a").warning("logged %s", [1])
def test_logs_and_fails(): logging.getLogger("a").error("gone wrong"); raise ValueError("x")
def test_everything(): print("o"); print("e", file=sys.stderr); logging.error("l"); assert 0
def test_warns(): warnings.warn("be warned")
def test_warns_and_fails(): warnings.warn(DeprecationWarning("old")); assert 0
def test_returns(): return 17
def test_yields_nothing(): return (x for x in ())
def test_skips(): pytest.skip("not now")
def test_skips_unittest(): raise unittest.SkipTest("nor now")
def test_xfails(): print("x"); pytest.xfail("known")
def test_fails_by_call(): pytest.fail("said so")
def test_fails_without_trace(): pytest.fail("said so", pytrace=False)
def test_exits(): sys.exit(3)
def test_generator_exit(): raise GeneratorExit
def test_two_fail():
    try: {}["a"]
    except KeyError as e: raise RuntimeError("second") from e
def test_context():
    try: 1 / 0
    except ZeroDivisionError: raise RuntimeError("while handling")
def helper(n):
    __tracebackhide__ = True
    if n: helper(n - 1)
    else: raise OSError("deep")
def test_hidden_frames(): helper(3)
def test_current(): assert os.environ["PYTEST_CURRENT_TEST"] == "test_a.py::test_current (call)"
def test_shows_current(): assert os.environ["PYTEST_CURRENT_TEST"] == ""
def test_clears_environment(monkeypatch): monkeypatch.setattr(os, "environ", {})
def test_after(): assert os.environ["PYTEST_CURRENT_TEST"].startswith("test_a.py::test_after")
def test_last_error_is_gone(): assert not hasattr(sys, "last_value")
def test_raises_again(): raise ValueError
def test_last_error_is_gone_again(): assert not hasattr(sys, "last_value")
class Bad:
    def __del__(self): raise ValueError("in __del__")
def test_unraisable(): Bad()
def test_unraisable_and_fails(): Bad(); print("p"); assert 0
def run(): raise ValueError("in a thread")
def test_thread():
    if "PYTEST_XDIST_WORKER" in os.environ: gc.collect()  # see conftest.py
    t = threading.Thread(target=run, name="T"); t.start(); t.join()
def test_thread_and_log():
    logging.error("hello")
    t = threading.Thread(target=run, name="T"); t.start(); t.join()
def test_replaces_stdout(): sys.stdout = open(os.devnull, "w")
def test_stdout_is_back(): print("back"); assert 0
def test_replaces_hooks(): sys.unraisablehook = threading.excepthook = print
def test_hooks_are_back(): Bad()
def test_filters(): warnings.simplefilter("error")
def test_filters_are_back(): warnings.warn("still only a warning")
def test_root_logger(): assert len(logging.getLogger().handlers) >= 2
def test_basic_config(): logging.basicConfig(level=1); logging.debug("not told"); assert 0
def test_level(): logging.getLogger().setLevel(1)
def test_level_stays(): logging.debug("now told"); assert 0
def test_level_reset(): logging.getLogger().setLevel(30)
def test_unprintable(): assert "\\x00\\ud800" == "a"
def test_attribute(): pass
test_attribute.setup = lambda: print("nose set-up")
test_attribute.teardown = lambda: print("nose tear-down")
async def test_async(): pass
@pytest.mark.parametrize("n", [1, 2])
def test_parameters(n): assert n == 1
@pytest.mark.skipif("True", reason="r")
def test_skipif(): pass
@pytest.mark.xfail(strict=True)
def test_xfail_strict(): pass
@pytest.mark.filterwarnings("error")
def test_filterwarnings(): warnings.warn("now an error")
def decorated(f): return lambda: f()
@decorated
def test_decorated(): assert 0
class TestClass:
    def test_method(self): self.x = 1; print("m")
    def test_fails(self): assert self == 1 or hasattr(self, "x")
    def test_no_self(): pass
    @staticmethod
    def test_static(): assert 0
    @classmethod
    def test_class(cls): assert cls is None
class TestSetup:
    def setup_method(self): print("up")
    def teardown_method(self): print("down")
    def test_a(self): pass
    def test_b(self): print("in"); assert 0
"""

FIXTURES = """
import logging, os, sys, warnings
import pytest

@pytest.fixture
def talks(): print("set-up talks"); yield 1; print("tear-down talks")
@pytest.fixture
def logs(): logging.error("up"); yield 1; logging.error("down")
@pytest.fixture
def warns(): warnings.warn("up"); yield; warnings.warn("down")
@pytest.fixture
def breaks(): raise ValueError("up")
@pytest.fixture
def breaks_late(): yield; raise ValueError("down")
@pytest.fixture
def skips(): pytest.skip("fixture")
@pytest.fixture
def marks(request): request.node.add_marker(pytest.mark.xfail(reason="late"))
@pytest.fixture(autouse=True, scope="module")
def module(): print("module up"); yield; print("module down")
@pytest.fixture
def replaced():
    old, sys.stdout = sys.stdout, open(os.devnull, "w"); yield; sys.stdout = old

def test_talks(talks): pass
def test_talks_and_fails(talks): print("call"); assert not talks
def test_logs(logs): pass
def test_logs_and_fails(logs): logging.error("call"); assert not logs
def test_warns(warns): pass
def test_breaks(breaks): pass
def test_breaks_late(breaks_late): pass
def test_breaks_twice(breaks_late): print("p"); assert 0
def test_skips(skips): pass
def test_marked_fails(marks): assert 0
def test_marked_passes(marks): pass
def test_marks_itself(request): request.node.add_marker(pytest.mark.xfail); assert 0
def test_marks_itself_passes(request): request.node.add_marker(pytest.mark.xfail)
def test_finalizer(request): request.addfinalizer(lambda: print("final"))
def test_finalizer_fails(request): request.addfinalizer(lambda: 1 / 0)
def test_capsys(capsys): print("x"); assert capsys.readouterr().out == "x\\n"
def test_capsys_leaves(capsys): print("left over"); assert 0
def test_capsys_late(request):
    capsys = request.getfixturevalue("capsys"); print("y"); print(capsys.readouterr()); assert 0
def test_capfd(capfd): os.write(1, b"z"); assert capfd.readouterr().out == "z"
def test_capfd_disabled(capfd):
    with capfd.disabled(): pass
    print("after"); assert 0
def test_caplog(caplog):
    logging.warning("w"); assert [r.message for r in caplog.records] == ["w"]
def test_caplog_level(caplog):
    caplog.set_level(1); logging.debug("d"); assert caplog.text == ""
def test_caplog_clear(caplog): logging.warning("w"); caplog.clear(); assert 0
def test_caplog_phases(caplog, logs):
    assert [r.message for r in caplog.get_records("setup")] == ["up"]
    assert caplog.get_records("call") == []
def test_recwarn(recwarn): warnings.warn("seen"); assert len(recwarn) == 1
def test_tmp_path(tmp_path): assert tmp_path.is_dir()
def test_monkeypatch(monkeypatch): monkeypatch.setenv("A", "1")
def test_environment_is_back(): assert "A" not in os.environ
def test_replaced(replaced): print("where"); assert 0
def test_property(record_property): record_property("a", 1)
@pytest.mark.usefixtures("talks")
def test_uses(): assert 0
@pytest.fixture(params=[1, 2])
def parameter(request): return request.param
def test_parameter(parameter): assert parameter == 1
@pytest.mark.parametrize("talks", [5], indirect=True)
def test_indirect(talks): assert talks == 5
"""

NOISY_MODULE = """
import pytest
def setup_module(): print("module set-up")
def teardown_module(): print("module tear-down"); raise ValueError("late")
def test_a(): pass
class TestX:
    @classmethod
    def setup_class(cls): print("class set-up")
    @classmethod
    def teardown_class(cls): print("class tear-down"); assert 0
    def test_b(self): assert 0
    def test_c(self): pass
"""
BROKEN_MODULE = """
def setup_module(): raise ValueError("never up")
def test_a(): pass
def test_b(): pass
"""
# Under `-W error` hook wrappers stay open (fastest_worker/abandoned.py). Plain pytest's outcomes
# depend on when they are collected: here never.
NO_COLLECTOR = """
import gc, os
if "PYTEST_XDIST_WORKER" not in os.environ: gc.disable()
"""
FILES = {
    "conftest.py": NO_COLLECTOR,
    "test_a.py": BASIC,
    "test_b.py": FIXTURES,
    "test_c.py": NOISY_MODULE,
    "test_d.py": BROKEN_MODULE,
}


@pytest.mark.parametrize(
    "args",
    [
        (),
        ("-W", "error", "--tb=native"),
        ("--", "--capture=sys", "--log-level=DEBUG", "--runxfail"),
    ],
    ids=" ".join,
)
def test_every_hazard_is_told_alike(tmp_path: Path, args: tuple[str, ...]) -> None:
    assert_same_either_way(write_files(tmp_path, FILES), *args)


HOOKS = {
    "sub/conftest.py": "def pytest_runtest_setup(item): print('conftest', item.name)\n",
    "sub/test_a.py": "def test_a(): assert 0\n",
    "test_b.py": "def test_b(): assert 0\n",
    "report/conftest.py": """
import pytest
@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    setattr(item, "rep_" + outcome.get_result().when, outcome.get_result())
@pytest.fixture(autouse=True)
def looks(request):
    yield
    assert request.node.rep_call.passed
""",
    "report/test_c.py": "def test_c(): pass\ndef test_d(): assert 0\n",
}


def test_hooks_of_conftest_files_see_the_tests_of_their_directory(tmp_path: Path) -> None:
    assert_same_either_way(write_files(tmp_path, HOOKS))


NOTED = """
import pytest
from way import is_short
def note(name):
    if is_short():
        open("short.log", "a").write(name + " ")
@pytest.fixture
def value(): return 1
def test_plain(): note("plain")
def test_fixture(value): note("fixture")
@pytest.mark.parametrize("n", [1])
def test_parameter(n): note("parameter")
@pytest.mark.skipif("False", reason="-")
def test_marked(): note("marked")
class TestClass:
    def test_method(self): note("method")
"""


@needs_short
def test_tests_without_marks_are_run_the_short_way(tmp_path: Path) -> None:
    write_files(tmp_path, {"test_a.py": NOTED})
    assert short_tests(tmp_path) == {
        "plain",
        "fixture",
        "parameter",
        "method",
    }


def test_protocol_pytest_runs_none_the_short_way(tmp_path: Path) -> None:
    write_files(tmp_path, {"test_a.py": NOTED})
    assert short_tests(tmp_path, "--protocol", "pytest") == set()


@needs_short
def test_a_hook_of_a_conftest_keeps_its_directory_from_the_short_way(tmp_path: Path) -> None:
    files = {"a/conftest.py": "def pytest_runtest_call(item): pass\n", "a/test_a.py": NOTED}
    write_files(tmp_path, {**files, "test_b.py": NOTED.replace('note("', 'note("b-')})
    names = short_tests(tmp_path)
    assert names == {"b-plain", "b-fixture", "b-parameter", "b-method"}


@needs_short
def test_a_plugin_registered_by_a_test_ends_the_short_way(tmp_path: Path) -> None:
    text = NOTED + (
        "class Plugin:\n"
        "    def pytest_runtest_call(self, item): pass\n"
        "def test_registers(pytestconfig): pytestconfig.pluginmanager.register(Plugin(), 'p')\n"
        "def test_after(): note('after')\n"
        "def test_unregisters(pytestconfig): pytestconfig.pluginmanager.unregister(name='p')\n"
        "def test_at_last(): note('at-last')\n"
    )
    names = short_tests(write_files(tmp_path, {"test_a.py": text}))
    assert "at-last" in names and "after" not in names


NETWORKX = Path("/usr/lib/python3/dist-packages/networkx")


@pytest.mark.skipif(not NETWORKX.is_dir() or PYTHON != "/usr/bin/python3", reason="no networkx")
def test_parts_of_networkx_are_told_alike(tmp_path: Path) -> None:
    for part in ("classes/tests", "utils/tests"):
        shutil.copytree(NETWORKX / part, tmp_path / part)
    assert_same_either_way(tmp_path)
