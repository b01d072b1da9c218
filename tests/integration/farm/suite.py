"""A project made from a seed: what pytest suites have, in random doses.

Tests only take their time under fastest. Each one that runs says so: a line
"SECONDS PID begin|end NODEID" (farm.now_s) at the end of $RAN.
"""

from __future__ import annotations

import random
from collections.abc import Callable

CONFTEST = """
import os, time
import pytest

def note(what, request):
    line = f"{time.clock_gettime(time.CLOCK_BOOTTIME)} {os.getpid()} {what} {request.node.nodeid}\\n"
    log = os.open(os.environ["RAN"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
    os.write(log, line.encode())
    os.close(log)

@pytest.fixture(autouse=True)
def counted(request):
    note("begin", request)
    yield
    note("end", request)

@pytest.fixture
def nap():
    return lambda ms: "FASTEST_AGENT" in os.environ and time.sleep(ms / 1000)

@pytest.fixture(scope="session")
def house():
    return {"tests": 0}

@pytest.fixture
def broken():
    raise RuntimeError("no set-up")

@pytest.fixture
def leaky():
    yield
    raise RuntimeError("no tear-down")
"""

HEAD = """
import unittest
import pytest

@pytest.fixture(scope="module")
def room(house):
    house["tests"] += 1
    yield []
"""


class Writer:
    """Writes one file of tests."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.count = 0
        self.parts = [HEAD]

    def ms(self) -> int:
        return min(300, max(1, int(self.chance.lognormvariate(2.7, 1.0))))

    def name(self) -> str:
        self.count += 1
        return f"test_{self.count}"

    def plain(self) -> str:
        return f"def {self.name()}(nap, room): nap({self.ms()}); room.append(1)"

    def failing(self) -> str:
        return f"def {self.name()}(nap, house): nap({self.ms()}); assert house is None"

    def many(self) -> str:
        n = self.chance.randrange(2, 9)
        bad = self.chance.randrange(3 * n)
        return (
            f'@pytest.mark.parametrize("n", range({n}))\n'
            f"def {self.name()}(n, nap, room): nap({self.ms()}); assert n != {bad}"
        )

    def skipped(self) -> str:
        mark = self.chance.choice(['skip(reason="never")', "skipif(True, reason='not here')"])
        return f"@pytest.mark.{mark}\ndef {self.name()}(): assert 0"

    def skips(self) -> str:
        return f"def {self.name()}(nap): nap({self.ms()}); pytest.skip('later')"

    def expected(self) -> str:
        outcome = self.chance.choice(["assert 0", "pass"])
        strict = self.chance.choice(["", "(strict=True)"])
        return f"@pytest.mark.xfail{strict}\ndef {self.name()}(nap): nap({self.ms()}); {outcome}"

    def erring(self) -> str:
        return (
            f"def {self.name()}({self.chance.choice(['broken', 'leaky'])}, nap): nap({self.ms()})"
        )

    def group(self) -> str:
        n = self.chance.randrange(2, 6)
        tests = "".join(
            f"    def {self.name()}(self, shelf, nap): nap({self.ms()}); shelf.append({i})\n"
            for i in range(n)
        )
        return (
            f"class Test{self.count}:\n"
            '    @pytest.fixture(scope="class")\n'
            "    def shelf(self): return []\n" + tests
        )

    def case(self) -> str:
        n = self.chance.randrange(2, 5)
        tests = "".join(
            f"    def {self.name()}(self): self.assertEqual(self.made, {self.chance.choice('1112')})\n"
            for _ in range(n)
        )
        return (
            f"class Case{self.count}(unittest.TestCase):\n"
            "    @classmethod\n"
            "    def setUpClass(cls): cls.made = 1\n" + tests
        )

    def write(self) -> str:
        kinds: list[Callable[[], str]] = [self.plain, self.many, self.group, self.case]
        rare: list[Callable[[], str]] = [self.failing, self.skipped, self.skips]
        rare += [self.expected, self.erring]
        for _ in range(self.chance.randrange(2, 6)):
            some = rare if self.chance.random() < 0.25 else kinds
            self.parts.append(self.chance.choice(some)())
        return "\n\n".join(self.parts) + "\n"


def make(chance: random.Random) -> dict[str, str]:
    """Some 200 tests in 20 files."""
    files = {"pytest.ini": "[pytest]\n", "conftest.py": CONFTEST}
    for n in range(20):
        folder = chance.choice(["", "near/", "far/deep/"])
        files[f"{folder}test_{n:02}.py"] = Writer(chance).write()
    files["test_import.py"] = "import nothing_of_this_name\n"
    files["test_away.py"] = "import pytest\npytest.skip('away', allow_module_level=True)\n"
    return files
