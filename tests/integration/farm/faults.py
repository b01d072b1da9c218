"""What may happen to a farm: each fault strikes, lasts, and is healed."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Callable

from farm import HOME, Farm

RELAYED = "a3"  # the machine whose agents speak through a relay
Heal = Callable[[], None]
Fault = Callable[[Farm, random.Random, str], Heal]


def nothing() -> None:
    pass


def kill_agent(farm: Farm, chance: random.Random, name: str) -> Heal:
    """SIGKILL; another one comes later."""
    farm.agents[name].kill()
    farm.agents[name].wait()
    return lambda: farm.agent(name)


def kill_worker(farm: Farm, chance: random.Random, name: str) -> Heal:
    for pid in farm.running(name)[:1]:
        farm.killed_workers.add(pid)
        os.kill(pid, signal.SIGKILL)
    return nothing


def freeze(farm: Farm, chance: random.Random, name: str) -> Heal:
    """All that runs on the machine stands still, as in a suspended laptop."""
    spared = farm.relay_pids()  # they are the link's, and answer us
    farm.machines.signal(name, signal.SIGSTOP, spared)
    return lambda: farm.machines.signal(name, signal.SIGCONT, spared)


def freeze_coordinator(farm: Farm, chance: random.Random, name: str) -> Heal:
    return freeze(farm, chance, HOME)


def drain(farm: Farm, chance: random.Random, name: str) -> Heal:
    agent = farm.agents[name]
    farm.tell_to_leave(name)

    def heal() -> None:
        assert agent.wait(timeout=60) == 0
        farm.agent(name)

    return heal


def unplug(farm: Farm, chance: random.Random, name: str) -> Heal:
    farm.machines.plug(name, "down")
    return lambda: farm.machines.heal(name)


def drops(percent: Callable[[random.Random], int], *chains: str) -> Fault:
    def fault(farm: Farm, chance: random.Random, name: str) -> Heal:
        farm.machines.drop(name, percent(chance), chains)
        return lambda: farm.machines.heal(name)

    return fault


def narrow(farm: Farm, chance: random.Random, name: str) -> Heal:
    farm.machines.narrow(name, chance.randrange(32, 512))
    return lambda: farm.machines.heal(name)


def linked(order: Callable[[random.Random], str], healed: str) -> Fault:
    def fault(farm: Farm, chance: random.Random, name: str) -> Heal:
        farm.link(RELAYED, order(chance))
        return lambda: farm.link(RELAYED, healed)

    return fault


def kill_coordinator(farm: Farm, chance: random.Random, name: str) -> Heal:
    run = farm.runs[-1]
    run.process.kill()
    run.process.wait()
    return lambda: farm.resume()


def set_clock(farm: Farm, chance: random.Random, name: str) -> Heal:
    """As NTP or a person sets it, within what certificates bear; then again, to right."""
    where = chance.choice([HOME, name])
    farm.set_clock(where, chance.choice([-3600, -60, 60, 3600, 10**7]))
    return lambda: farm.set_clock(where, 0)


def lossy(chance: random.Random) -> int:
    return chance.randrange(5, 21)


def all_of_them(chance: random.Random) -> int:
    return 100


FAULTS: dict[str, Fault] = {
    "kill an agent": kill_agent,
    "kill a worker": kill_worker,
    "freeze a machine": freeze,
    "freeze the coordinator's machine": freeze_coordinator,
    "tell an agent to leave": drain,
    "unplug": unplug,
    "partition": drops(all_of_them, "input", "output"),
    "nothing comes in": drops(all_of_them, "input"),
    "nothing goes out": drops(all_of_them, "output"),
    "lose packets": drops(lossy, "input", "output"),
    "narrow": narrow,
    "half-open": linked(lambda chance: "swallow", "go"),
    "cut": linked(lambda chance: "cut", "go"),
    "stall": linked(lambda chance: "stall", "go"),
    "late": linked(lambda c: f"delay {c.randrange(20, 200)} {c.randrange(20)}", "delay 0"),
    "slow": linked(lambda chance: f"rate {chance.randrange(4000, 100000)}", "rate 0"),
    "kill the coordinator": kill_coordinator,
    "set a clock": set_clock,
}
