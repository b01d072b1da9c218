"""Machines of their own address and steady clock on this one: namespaces, joined by a bridge.

One namespace holds the bridge, so nothing is to be seen outside. Names carry this
process's id; what an earlier one has left that was killed is removed at the start.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from live import is_alive, wait_for

PLACES = Path("/run/netns")
PREFIX = "fst-farm-"
SWITCH = "switch"


def call(*command: str, text: str = "") -> str:
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"
    return done.stdout


def why_not() -> str:
    """Why there can be no machines here; empty where there can."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    missing = [tool for tool in ("ip", "nft", "tc", "unshare") if not shutil.which(tool)]
    if missing:
        return f"no {', '.join(missing)} (packages iproute2, nftables, util-linux)"
    name = f"{PREFIX}{os.getpid()}-try"
    tried = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True)
    subprocess.run(["ip", "netns", "del", name], capture_output=True)
    if tried.returncode:
        return f"no network namespaces here: {tried.stderr.strip()}"
    tried = subprocess.run(["unshare", "--time", "true"], capture_output=True, text=True)
    return f"no namespaces of time here: {tried.stderr.strip()}" if tried.returncode else ""


def pids_in(place: str) -> list[int]:
    return [int(pid) for pid in call("ip", "netns", "pids", place).split()]


def kill_all(place: str) -> None:
    def is_empty() -> bool:
        pids = pids_in(place)
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        return not pids

    wait_for(f"the end of what runs in {place}", is_empty)


def sweep_up() -> None:
    """What killed tests have left."""
    for path in PLACES.glob(f"{PREFIX}*-*") if PLACES.exists() else ():
        owner = path.name.removeprefix(PREFIX).partition("-")[0]
        if owner.isdigit() and not is_alive(int(owner)):
            kill_all(path.name)
            call("ip", "netns", "del", path.name)


class Machines:
    """10.77.0.1, 10.77.0.2, … in the order of their names; faults by name."""

    def __init__(self, names: list[str]) -> None:
        self.names = names
        self.address = {name: f"10.77.0.{n}" for n, name in enumerate(names, 1)}

    def place(self, name: str) -> str:
        return f"{PREFIX}{os.getpid()}-{name}"

    def build(self) -> None:
        switch = self.place(SWITCH)
        for name in [SWITCH, *self.names]:
            call("ip", "netns", "add", self.place(name))
        orders = ["link set lo up", "link add bridge type bridge", "link set bridge up"]
        for name in self.names:
            orders += [
                f"link add {name} type veth peer name eth0 netns {self.place(name)}",
                f"link set {name} master bridge up",
            ]
        call("ip", "-n", switch, "-batch", "-", text="\n".join(orders))
        for name in self.names:
            orders = ["link set lo up", f"addr add {self.address[name]}/24 dev eth0"]
            orders += ["link set eth0 up"]
            call("ip", "-n", self.place(name), "-batch", "-", text="\n".join(orders))

    def remove(self) -> None:
        for name in [*self.names, SWITCH]:
            if (PLACES / self.place(name)).exists():
                kill_all(self.place(name))
                call("ip", "netns", "del", self.place(name))

    def command(self, name: str, command: list[str]) -> list[str]:
        """The command that runs another one on a machine."""
        return ["ip", "netns", "exec", self.place(name), *command]

    def time(self, name: str) -> list[str]:
        """Before a command: its steady clock is this machine's own, the first one's ahead of all."""
        ahead_s = 100000 * (len(self.names) - self.names.index(name))
        return ["unshare", "--time", "--monotonic", str(ahead_s)]

    def pids(self, name: str) -> list[int]:
        return pids_in(self.place(name))

    def signal(self, name: str, how: signal.Signals, spared: set[int]) -> None:
        """To all that runs on a machine, but for those; again until nothing new is there."""
        met = set(spared)
        while fresh := set(self.pids(name)) - met:
            for pid in fresh:
                try:
                    os.kill(pid, how)
                except ProcessLookupError:
                    pass
            met |= fresh

    def plug(self, name: str, state: str) -> None:
        """The cable at the switch: up or down."""
        call("ip", "-n", self.place(SWITCH), "link", "set", name, state)

    def drop(self, name: str, percent: int, chains: tuple[str, ...] = ("input", "output")) -> None:
        """Loses so many of the packets that come in, go out, or both."""
        which = f"numgen random mod 100 < {percent}" if percent < 100 else ""
        rules = "".join(
            f"chain {chain} {{ type filter hook {chain} priority 0;"
            f" {'iif' if chain == 'input' else 'oif'} eth0"
            f" {which} drop; }}\n"
            for chain in chains
        )
        netns = self.command(name, ["nft", "-f", "-"])
        call(*netns, text=f"table inet faults {{ {rules} }}")

    def narrow(self, name: str, kbit: int) -> None:
        tbf = f"tbf rate {kbit}kbit burst 4kb latency 50ms".split()
        call("tc", "-n", self.place(name), "qdisc", "add", "dev", "eth0", "root", *tbf)

    def heal(self, name: str) -> None:
        """Takes back plug, drop and narrow."""
        call(*self.command(name, ["nft", "flush", "ruleset"]))
        call("tc", "-n", self.place(name), "qdisc", "replace", "dev", "eth0", "root", "noqueue")
        self.plug(name, "up")


@contextmanager
def machines(*names: str) -> Iterator[Machines]:
    sweep_up()
    built = Machines(list(names))
    try:
        built.build()
        yield built
    finally:
        built.remove()
