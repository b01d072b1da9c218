"""Three agents and a coordinator on machines of their own, and random faults: plain pytest's
verdict, its exit status, no test run in vain, nothing left behind.

Twenty runs; FARM_RUNS=N makes it N, SEED=N begins with that seed. A run that fails names its seed:
FARM_RUNS=1 SEED=N repeats its suite, faults and their order (not the machine's own timing)."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from farm import DEAD_AFTER_S, Farm
from faults import FAULTS, RELAYED
from judge import assert_right
from live import wait_for
from machines import Machines, machines, why_not
from runners import plain, python_says
from suite import CONFTEST, make

FIRST = int(os.environ.get("SEED", "1"))
RUNS = int(os.environ.get("FARM_RUNS", "20"))
AGENTS = ("a1", "a2", "a3")

pytestmark = pytest.mark.skipif(bool(why_not()), reason=why_not())


@pytest.fixture(scope="module")
def place() -> Iterator[Machines]:
    with machines("c", *AGENTS) as built:
        yield built


def choose(chance: random.Random, seed: int) -> list[list[str]]:
    """What strikes together, one blow after the other; a seed's first is its own."""
    names = list(FAULTS)
    blows = [[names[seed % len(names)]]]
    for _ in range(chance.randrange(1, 3)):
        blows.append(chance.sample(names, chance.choice([1, 1, 2])))
    return blows


def strike(farm: Farm, chance: random.Random, blow: list[str]) -> None:
    """The faults, a time, and their end. The run may end before, unless it is they that keep it."""
    begun = len(farm.executions())
    moment = begun + chance.randrange(30)
    run = farm.runs[-1].process
    wait_for("the moment", lambda: run.poll() is not None or len(farm.executions()) >= moment)
    if run.poll() is not None:
        return
    heals = [FAULTS[name](farm, chance, chance.choice(AGENTS)) for name in blow]
    end = time.monotonic() + chance.choice([0.1, 0.5, 1.5]) * DEAD_AFTER_S * chance.uniform(0.5, 2)
    while time.monotonic() < end:  # how long it lasts; nothing waits for it
        time.sleep(0.02)
    for heal in heals:
        heal()


def work(farm: Farm, chance: random.Random, blows: list[list[str]], args: list[str]) -> None:
    """A run with its faults, and what there is to say against it."""
    bare = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    expected = plain(farm.project, *args, env={"RAN": os.devnull, **bare})
    farm.relay(RELAYED)
    farm.start("--agents", "3", "--test-timeout", "40", *args, workers=chance.choice([0, 0, 1]))
    for name in AGENTS:
        farm.agent(name)
    for blow in blows:
        strike(farm, chance, blow)
    status, report = farm.end()
    assert_right(farm, status, report, expected)
    farm.leaves_nothing()


@pytest.mark.parametrize("seed", range(FIRST, FIRST + RUNS))
def test_whatever_happens_the_verdict_is_pytests(
    seed: int, place: Machines, tmp_path: Path
) -> None:
    chance = random.Random(seed)
    files = make(chance)
    blows = choose(chance, seed)
    print(f"FARM_RUNS=1 SEED={seed}: " + ", then ".join(" and ".join(blow) for blow in blows))
    clocks = any("set a clock" in blow for blow in blows)
    with ExitStack() as stack:
        farm = Farm(tmp_path, place, files, stack, seed % 2 == 1, clocks, seed % 5 == 4)
        work(farm, chance, blows, [])


def test_a_real_suite_meets_faults(place: Machines, tmp_path: Path) -> None:
    files = {"pytest.ini": "[pytest]\n", "conftest.py": CONFTEST}
    blows = [["kill an agent"], ["cut", "nothing goes out"], ["kill the coordinator"]]
    args = ["networkx/algorithms/shortest_paths"]
    where = python_says("import networkx; print(networkx.__path__[0])")
    with ExitStack() as stack:
        farm = Farm(tmp_path, place, files, stack, package=Path(where))
        work(farm, random.Random(FIRST), blows, args)
