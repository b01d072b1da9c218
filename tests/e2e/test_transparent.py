"""The short protocol beside other plugins: taken where they do nothing, and only there.

For each entry of agent/worker/fastest_worker/transparent.py: with its
condition true the test is run the short way, with it false by pytest's hooks,
and either way says what plain pytest says.
"""

from __future__ import annotations

import subprocess
from functools import lru_cache
from pathlib import Path

import pytest
from protocols import assert_same_either_way, needs_short, short_tests
from runners import PYTHON, environment, plain, write_files

HEAD = """
import pytest
from way import is_short
def note(name):
    if is_short():
        open("short.log", "a").write(name + " ")
def test_plain(): note("plain")
"""
LIST = Path(__file__).parents[1] / "support" / "plugin_digests.py"


@lru_cache(maxsize=None)
def listed(*args: str) -> dict[str, str]:
    """{module: "known" or "foreign"} of the installed plugins; empty if they refuse the options."""
    done = subprocess.run(
        [PYTHON, str(LIST), *args], capture_output=True, text=True, env=environment()
    )
    lines = [line.split() for line in done.stdout.splitlines()]
    return {words[0]: words[-1] for words in lines} if done.returncode == 0 else {}


def needs(name: str, *args: str) -> None:
    if listed(*args).get(name) != "known":
        pytest.skip(f"no {name} that was read")


def check(root: Path, text: str, expected: set[str], *args: str) -> None:
    """`expected` are the notes of those tests that ran the short way."""
    write_files(root, {"test_a.py": HEAD + text, "way.py": "def is_short(): return False\n"})
    assert_same_either_way(root, *args, env={})
    assert short_tests(root, *args, env={}) == expected


@needs_short
def test_a_machine_full_of_known_plugins_still_goes_the_short_way(tmp_path: Path) -> None:
    if "foreign" in listed().values():
        pytest.skip("a plugin that nobody has read is installed")
    check(tmp_path, "", {"plain"})


def test_rerunfailures(tmp_path: Path) -> None:
    needs("pytest_rerunfailures")
    text = """
tries = []
@pytest.mark.flaky(reruns=2)
def test_flaky():
    note("flaky"); tries.append(1)
    assert len(tries) == 3
def test_after(): note("after"); assert 0
"""
    check(tmp_path, text, {"plain", "after"})


def test_rerunfailures_for_all(tmp_path: Path) -> None:
    needs("pytest_rerunfailures")
    check(tmp_path, "def test_b(): note('b'); assert 0\n", set(), "--", "--reruns=1")


def test_timeout(tmp_path: Path) -> None:
    needs("pytest_timeout")
    text = """
import signal
def timer(): return signal.getitimer(signal.ITIMER_REAL)[0] > 0
@pytest.mark.timeout(1000, method="signal")
def test_marked(): note("marked"); assert timer()
def test_unmarked(): note("unmarked"); assert not timer()
"""
    check(tmp_path, text, {"plain", "unmarked"})


def test_timeout_for_all(tmp_path: Path) -> None:
    needs("pytest_timeout")
    text = """
import signal
def test_b(): note("b"); assert signal.getitimer(signal.ITIMER_REAL)[0] > 0
"""
    check(tmp_path, text, set(), "-o", "timeout=1000")


def test_asyncio(tmp_path: Path) -> None:
    needs("pytest_asyncio.plugin")
    text = """
import asyncio
@pytest.mark.asyncio
async def test_marked(): note("marked"); await asyncio.sleep(0); assert 0
async def test_unmarked(): note("unmarked")
@pytest.mark.asyncio
def test_marked_without_need(): note("without")
@pytest.fixture
def loop(event_loop): return event_loop
def test_loop(loop): note("loop"); loop.run_until_complete(asyncio.sleep(0))
"""
    check(tmp_path, text, {"plain", "loop"})


def test_hypothesis(tmp_path: Path) -> None:
    needs("_hypothesis_pytestplugin")
    text = """
from hypothesis import example, given, settings, strategies
@given(strategies.integers())
@settings(max_examples=3, derandomize=True, database=None)
def test_given(n): note("given")
@given(strategies.integers())
@settings(max_examples=3, derandomize=True, database=None)
def test_given_fails(n): print("n"); assert n != 0
@settings(max_examples=3)
def test_pointless(): note("pointless")
@example(1)
def test_without_given(): note("without")
def test_after(): note("after")
class TestClass:
    @given(strategies.integers())
    @settings(max_examples=3, derandomize=True, database=None)
    def test_method(self, n): note("method")
def test_inner():
    note("inner")
    @given(strategies.integers())
    @settings(max_examples=3, derandomize=True, database=None)
    def inner(n): assert n < 0
    inner()
"""
    # The first test goes the long way: hypothesis hears there that pytest runs.
    check(tmp_path, text, {"after", "inner"})


def test_mock(tmp_path: Path) -> None:
    text = "def test_b(mocker): note('b'); mocker.patch('os.getcwd'); import os; os.getcwd()\n"
    write_files(tmp_path, {"test_a.py": text})
    if plain(tmp_path, "--fixtures").out.find("mocker") < 0:
        pytest.skip("no pytest-mock")
    check(tmp_path, text, {"plain", "b"})


def test_cov(tmp_path: Path) -> None:
    needs("pytest_cov.plugin:CovPlugin", "--cov=.")
    text = """
@pytest.mark.no_cover
def test_marked(): note("marked")
def test_fixture(no_cover): note("fixture")
def test_after(): note("after"); assert 0
"""
    check(tmp_path, text, {"plain", "after"}, "--", "--cov=.", "--cov-report=")


def test_cov_with_contexts(tmp_path: Path) -> None:
    needs("pytest_cov.plugin:CovPlugin", "--cov=.")
    check(tmp_path, "", set(), "--", "--cov=.", "--cov-report=", "--cov-context=test")


def test_remotedata(tmp_path: Path) -> None:
    needs("pytest_remotedata.plugin")
    text = """
@pytest.mark.remote_data
def test_remote(): note("remote")
@pytest.mark.internet_off
def test_off(): note("off")
"""
    check(tmp_path, text, {"plain"})


def test_openfiles(tmp_path: Path) -> None:
    needs("pytest_openfiles.plugin")
    text = """
left = []
def test_leaves(): note("leaves"); left.append(open("a.txt", "w"))
"""
    check(tmp_path, text, set(), "--", "--open-files")


def test_a_changed_file_is_foreign(tmp_path: Path) -> None:
    needs("pytest_timeout")
    done = subprocess.run(
        [PYTHON, "-c", "import pytest_timeout; print(pytest_timeout.__file__)"],
        capture_output=True,
        text=True,
        check=True,
    )
    copy = Path(done.stdout.strip()).read_text() + "\n# changed\n"
    root = write_files(tmp_path, {"test_a.py": HEAD, "own/pytest_timeout.py": copy})
    assert short_tests(root, env={"PYTHONPATH": str(root / "own")}) == set()
    assert short_tests(root, env={}) == {"plain"}
