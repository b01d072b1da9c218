"""One small suite a plugin: the verdict is plain pytest's with the same plugin."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest
from extra import plugin_env
from runners import fastest, plain, write_files


class Project(NamedTuple):
    module: str  # the plugin's
    packages: tuple[str, ...]  # where the interpreter has no such plugin
    files: dict[str, str]
    args: tuple[str, ...] = ()


ASYNC = """
import asyncio, pytest
{mark}
@pytest.fixture{scope}
async def answer():
    await asyncio.sleep(0)
    yield 42
    await asyncio.sleep(0)
async def test_answer(answer): assert answer == 42
async def test_bad(answer): assert answer == 41
@pytest.mark.parametrize("n", [1, 2, 3])
async def test_param(n):
    await asyncio.sleep(0)
    assert n < 3
@pytest.mark.xfail
async def test_xfail(): raise ValueError
def test_sync(): pass
class TestMethods:
    async def test_loop(self, event_loop):
        assert asyncio.get_running_loop() is event_loop
"""
ASYNC_STRICT = ASYNC.format(mark="pytestmark = pytest.mark.asyncio", scope="").replace(
    "@pytest.fixture", "import pytest_asyncio\n@pytest_asyncio.fixture"
)
ASYNC_AUTO = ASYNC.format(mark="", scope="")

RERUNS = """
import pytest
seen = []
def test_second_time():
    seen.append(1)
    assert len(seen) == 2
def test_never(): assert 0
@pytest.mark.flaky(reruns=1)
def test_too_late():
    seen.append(1)
    assert len(seen) > 20
@pytest.mark.flaky(reruns=3, condition=False)
def test_not_again(): assert 0
def test_good(): pass
@pytest.mark.xfail
def test_xfail(): assert 0
setups = []
@pytest.fixture
def flaky_setup():
    setups.append(1)
    assert len(setups) == 3
@pytest.fixture
def bad_setup(): assert 0
@pytest.fixture
def bad_end():
    yield
    assert 0
def test_setup(flaky_setup): pass
def test_bad_setup(bad_setup): pass
def test_bad_end(bad_end): pass
class TestState:
    count = 0
    def test_a(self):
        TestState.count += 1
        assert TestState.count > 1
    def test_b(self): assert TestState.count == 2
"""

TIMEOUTS = """
import pytest, time
@pytest.mark.timeout(0.2)
def test_hangs():
    time.sleep(30)
@pytest.mark.timeout(30)
def test_in_time(): pass
@pytest.fixture
def slow():
    time.sleep(30)
@pytest.mark.timeout(0.2)
def test_slow_setup(slow): pass
@pytest.mark.timeout(0.2, func_only=True)
def test_func_only(): time.sleep(30)
def test_after(): pass
"""

HYPOTHESIS = """
import time
import pytest
from hypothesis import assume, given, settings, strategies as st, HealthCheck, Phase
from hypothesis.stateful import RuleBasedStateMachine, rule, precondition
@given(st.integers(), st.integers())
def test_commutes(a, b): assert a + b == b + a
@given(st.lists(st.integers()))
def test_wrong(xs): assert len(xs) < 3
@given(st.text())
@pytest.mark.parametrize("n", [1, 2])
def test_param(n, s): assert n < 2 or s == s
@settings(max_examples=5)
@given(st.integers())
def test_assume(n): assume(n % 2 == 0)
@settings(deadline=20, max_examples=5)
@given(st.integers())
def test_deadline(n): time.sleep(0.1)
@pytest.fixture
def fresh(): return []
@given(st.integers())
def test_health(fresh, n): pass
class TestMethods:
    @given(n=st.integers(0, 3))
    def test_method(self, n): assert n in range(4)
class Machine(RuleBasedStateMachine):
    n = 0
    @rule()
    def up(self): self.n += 1
    @precondition(lambda self: self.n > 2)
    @rule()
    def broken(self): assert self.n < 3
TestMachine = Machine.TestCase
TestMachine.settings = settings(max_examples=50)
"""

MOCKS = """
import os, pytest
def test_patch(mocker):
    mocker.patch("os.getcwd", return_value="/nowhere")
    assert os.getcwd() == "/nowhere"
def test_undone(): assert os.getcwd() != "/nowhere"
def test_spy(mocker):
    spy = mocker.spy(os.path, "basename")
    os.path.basename("/a/b")
    spy.assert_called_once_with("/a/b")
def test_wrong_call(mocker):
    stub = mocker.stub("named")
    stub(1)
    stub.assert_called_once_with(2)
@pytest.fixture(scope="module")
def everywhere(module_mocker):
    module_mocker.patch("os.getpid", return_value=-7)
def test_module(everywhere): assert os.getpid() == -7
def test_clock(mocker):
    mocker.patch("time.perf_counter", side_effect=ValueError)
    mocker.patch("time.time", side_effect=ValueError)
def test_builtin(mocker):
    mocker.patch("builtins.open", side_effect=OSError)
    with pytest.raises(OSError): open("x")
"""

SUBTESTS = """
import unittest
import pytest
def test_some(subtests):
    for n in range(4):
        with subtests.test(msg="try", n=n):
            assert n != 2
def test_all_good(subtests):
    for n in range(2):
        with subtests.test(n=n): pass
def test_skips(subtests):
    with subtests.test(n=1): pytest.skip("why not")
def test_then_fails(subtests):
    with subtests.test(n=1): pass
    assert 0
def test_prints(subtests, capsys):
    with subtests.test(n=1):
        print("seen")
        assert capsys.readouterr().out == "seen\\n"
class T(unittest.TestCase):
    def test_numbers(self):
        for n in range(4):
            with self.subTest(n=n): self.assertEqual(n % 2, 0)
    def test_fine(self):
        with self.subTest("x"): pass
    def test_skip(self):
        with self.subTest("x"): self.skipTest("no")
    def test_both(self):
        with self.subTest("x"): self.fail("sub")
        self.fail("main")
"""

DJANGO_SETTINGS = """
SECRET_KEY = "x"
INSTALLED_APPS = ["app"]
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
ROOT_URLCONF = "urls"
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "db.sqlite3", "TEST": {"NAME": TEST_NAME}}}
"""
DJANGO_APP = {
    "pytest.ini": "[pytest]\nDJANGO_SETTINGS_MODULE = settings\npythonpath = .\n",
    "app/__init__.py": "",
    "app/models.py": (
        "from django.db import models\n"
        "class Book(models.Model):\n    title = models.CharField(max_length=20, unique=True)\n"
    ),
    "urls.py": (
        "from django.http import HttpResponse\nfrom django.urls import path\n"
        "urlpatterns = [path('', lambda request: HttpResponse('hello'))]\n"
    ),
}
DJANGO_TESTS = """
import os
import pytest
from django.test import TestCase
from django.db import connection
from app.models import Book
@pytest.mark.django_db
@pytest.mark.parametrize("n", range(8))
def test_rolled_back(n):
    Book.objects.create(title="one")
    assert Book.objects.count() == 1
@pytest.mark.django_db(transaction=True)
def test_transaction():
    Book.objects.create(title="two")
    assert Book.objects.count() == 1
def test_without_mark(): Book.objects.count()
def test_fixture(db): assert not Book.objects.exists()
def test_page(client): assert client.get("/").content == b"hello"
def test_settings(settings):
    settings.DEBUG = True
def test_mail(mailoutbox): assert mailoutbox == []
@pytest.mark.django_db
def test_queries(django_assert_num_queries):
    with django_assert_num_queries(1): Book.objects.count()
class TestCase1(TestCase):
    @classmethod
    def setUpTestData(cls): cls.book = Book.objects.create(title="three")
    def test_a(self): self.assertEqual(Book.objects.get().title, "three")
    def test_b(self): self.assertEqual(Book.objects.count(), 2)
"""


def django(test_name: str) -> dict[str, str]:
    files = {
        **DJANGO_APP,
        "settings.py": DJANGO_SETTINGS.replace("TEST_NAME", test_name),
    }
    for n in range(4):
        files[f"tests/test_{n}.py"] = DJANGO_TESTS
    return {**files, "tests/__init__.py": ""}


ORDER = """
import pytest
seen = []
@pytest.mark.order(3)
def test_c(): assert seen == ["a", "b"]; seen.append("c")
@pytest.mark.order(1)
def test_a(): assert seen == []; seen.append("a")
@pytest.mark.order(after="test_c")
def test_d(): assert seen == ["a", "b", "c"]
@pytest.mark.order(2)
def test_b(): assert seen == ["a"]; seen.append("b")
def test_wrong(): assert seen == []
"""

REPEAT = """
import pytest
seen = []
@pytest.mark.repeat(3)
def test_thrice():
    seen.append(1)
    assert len(seen) < 3
def test_all(): pass
class TestA:
    def test_x(self): pass
"""

FORKED = """
import os, pytest
n = 0
@pytest.mark.forked
def test_dies(): os._exit(3)
@pytest.mark.forked
def test_child():
    global n
    n = 1
@pytest.mark.forked
def test_fails(): assert 0
@pytest.mark.forked
@pytest.mark.parametrize("i", [1, 2])
def test_killed(i): os.kill(os.getpid(), 11) if i == 2 else None
def test_untouched(): assert n == 0
"""

BENCHMARK = """
import pytest
def test_speed(benchmark): assert benchmark(lambda: 3) == 3
def test_wrong(benchmark): assert benchmark(lambda: 3) == 4
def test_pedantic(benchmark): benchmark.pedantic(len, ("x",), rounds=2)
def test_twice(benchmark):
    benchmark(len, "x")
    benchmark(len, "x")
def test_plain(): pass
"""

BDD = {
    "shop.feature": (
        "Feature: Shop\n  Scenario: Buying\n    Given 3 apples\n    When I eat 1\n"
        "    Then 2 are left\n  Scenario: Hunger\n    Given 3 apples\n    When I eat 2\n"
        "    Then 2 are left\n  Scenario Outline: Many\n    Given <n> apples\n    When I eat 1\n"
        "    Then 2 are left\n    Examples:\n    | n |\n    | 3 |\n    | 4 |\n"
    ),
    "test_shop.py": """
import pytest
from pytest_bdd import given, when, then, parsers, scenarios
scenarios("shop.feature")
@given(parsers.parse("{n:d} apples"), target_fixture="apples")
def apples(n): return [1] * n
@when(parsers.parse("I eat {n:d}"))
def eat(apples, n):
    for _ in range(n): apples.pop()
@then(parsers.parse("{n:d} are left"))
def left(apples, n): assert len(apples) == n
""",
}

DATADIR = {
    "test_data/a.txt": "hello",
    "data/b.txt": "shared",
    "test_data.py": """
def test_own(datadir): assert (datadir / "a.txt").read_text() == "hello"
def test_shared(shared_datadir): assert (shared_datadir / "b.txt").read_text() == "shared"
def test_change(datadir): (datadir / "a.txt").write_text("bye")
def test_copy(datadir): assert (datadir / "a.txt").read_text() == "bye"
""",
}


def files(text: str, count: int = 3) -> dict[str, str]:
    return {f"test_{n}.py": text for n in range(count)}


PROJECTS = {
    "asyncio strict": Project("pytest_asyncio", (), files(ASYNC_STRICT)),
    "asyncio auto": Project("pytest_asyncio", (), files(ASYNC_AUTO), ("--", "--asyncio-mode=auto")),
    "asyncio auto by ini": Project(
        "pytest_asyncio", (), {**files(ASYNC_AUTO), "pytest.ini": "[pytest]\nasyncio_mode = auto\n"}
    ),
    "asyncio without its mark": Project("pytest_asyncio", (), files(ASYNC_AUTO)),
    "rerunfailures option": Project(
        "pytest_rerunfailures", (), files(RERUNS), ("--", "--reruns", "2")
    ),
    "rerunfailures marks": Project("pytest_rerunfailures", (), files(RERUNS)),
    "rerunfailures only some": Project(
        "pytest_rerunfailures",
        (),
        files(RERUNS),
        ("--", "--reruns=2", "--only-rerun=len", "--reruns-delay=0.01"),
    ),
    "timeout": Project("pytest_timeout", (), files(TIMEOUTS)),
    "timeout option": Project("pytest_timeout", (), files(TIMEOUTS, 2), ("--", "--timeout=20")),
    "hypothesis": Project("hypothesis", (), files(HYPOTHESIS)),
    "hypothesis with a seed": Project(
        "hypothesis", (), files(HYPOTHESIS), ("--", "--hypothesis-seed=7")
    ),
    "mock": Project("pytest_mock", (), files(MOCKS)),
    "subtests": Project("pytest_subtests", ("pytest-subtests",), files(SUBTESTS)),
    "order": Project("pytest_order", ("pytest-order",), files(ORDER, 1)),
    "repeat": Project("pytest_repeat", ("pytest-repeat",), files(REPEAT), ("--", "--count=2")),
    "repeat marks": Project("pytest_repeat", ("pytest-repeat",), files(REPEAT)),
    "forked": Project("pytest_forked", ("pytest-forked", "py"), files(FORKED)),
    "benchmark": Project(
        "pytest_benchmark",
        ("pytest-benchmark", "cpuinfo"),
        files(BENCHMARK),
        ("--", "--benchmark-disable"),
    ),
    "bdd": Project(
        "pytest_bdd", ("pytest-bdd", "glob2", "mako", "markupsafe", "parse", "parse-type"), BDD
    ),
    "datadir": Project("pytest_datadir", ("pytest-datadir",), DATADIR),
    "django in memory": Project(
        "pytest_django", ("pytest-django", "django", "sqlparse", "asgiref"), django("None")
    ),
    "django in a file": Project(
        "pytest_django",
        ("pytest-django", "django", "sqlparse", "asgiref"),
        django("'test_db.sqlite3'"),
    ),
}


@pytest.mark.parametrize("name", PROJECTS)
def test_plugin(tmp_path: Path, name: str) -> None:
    project = PROJECTS[name]
    env = plugin_env(project.module, *project.packages)
    write_files(tmp_path, project.files)
    args = [arg for arg in project.args if arg != "--"]
    expected = plain(tmp_path, *args, env=env)
    ours = fastest(tmp_path, *project.args, env=env)
    assert expected.outcomes, expected.out + expected.err
    assert ours.outcomes == expected.outcomes, ours.out + ours.err
    assert ours.status == expected.status, ours.out + ours.err
