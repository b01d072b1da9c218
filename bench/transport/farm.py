#!/usr/bin/env python3
"""Measures a farm of real agents on sleeping tests, by the times in the JSON report:

balance  1,000 tests of 0.05 to 0.15 s on 25 slots of 5 agents, without and with a history: from the
         first start to the last end. Goal: 4.2 s (ideal: 4).
link     500 tests of 35 ms on one agent of 2 slots, over a link with 0 and 20 ms round trip in
         turn (tests/support/link). Goal: at most 1 % more.
loss     how long until the coordinator says that an agent was killed, and that it is silent.

Prints Markdown tables. Usage: bench/transport/farm.py [--rounds N] [--only PART ...] [--bin DIR]
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
PARTS = ("balance", "link", "loss")
DEAD_S = 1.0


def make_suite(root: Path, files: int, each: int, least: float, most: float) -> Path:
    (root / "tests").mkdir(parents=True)
    (root / "pytest.ini").write_text("[pytest]\n")
    dice = random.Random(7)
    for file in range(files):
        text = "import time\n"
        for test in range(each):
            seconds = dice.uniform(least, most)
            text += f"\ndef test_{test}():\n    time.sleep({seconds:.4f})\n"
        (root / "tests" / f"test_f{file:03d}.py").write_text(text)
    return root


class Farm:
    """A coordinator without an agent of its own, and agents of the same folder."""

    def __init__(self, root: Path, options: argparse.Namespace, stack: ExitStack) -> None:
        self.root, self.options, self.stack = root, options, stack
        self.env = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        self.out = root / "said"

    def spawn(self, command: list[str], name: str) -> subprocess.Popen[str]:
        out = self.stack.enter_context(open(self.root / name, "w"))
        process = subprocess.Popen(
            command, cwd=self.root, env=self.env, stdout=out, stderr=out, text=True
        )
        self.stack.callback(process.wait)
        self.stack.callback(process.kill)
        return process

    def start(self, agents: int, *more: str) -> None:
        command = [str(self.options.bin / "fastest-coord"), "run", "-q", "-n", "0"]
        command += ["--listen", "tcp://127.0.0.1:0", "--agents", str(agents)]
        self.run = self.spawn([*command, "--report-json", "report.json", *more], "said")
        self.port = int(self.wait_for(r"listening at \S+:(\d+),")[0][1])

    def wait_for(self, pattern: str) -> tuple[re.Match[str], float]:
        while not (found := re.search(pattern, self.out.read_text())):
            if self.run.poll() is not None:
                sys.exit(self.out.read_text())
            time.sleep(0.002)
        return found, time.monotonic()

    def agent(self, number: int, slots: int, port: int = 0) -> subprocess.Popen[str]:
        command = [str(self.options.bin / "fastest-agent"), "--name", f"a{number}", "--once"]
        command += ["--connect", f"tcp://127.0.0.1:{port or self.port}", "-n", str(slots)]
        command += ["--python", self.options.python, "--token-file", ".fastest/token"]
        return self.spawn(command, f"agent{number}")

    def relay(self, delay_ms: int) -> int:
        """Its port; delay_ms each way."""
        relay = subprocess.Popen(
            [sys.executable, TOP / "tests/support/link/relay.py", "127.0.0.1", str(self.port)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.stack.callback(relay.communicate)
        assert relay.stdin and relay.stdout
        port = int(relay.stdout.readline().split()[-1])
        relay.stdin.write(f"delay {delay_ms}\n")
        relay.stdin.flush()
        assert relay.stdout.readline().strip() == "done"
        return port

    def makespan(self) -> tuple[float, float]:
        """From the first start to the last end; what the tests took, by slots."""
        if self.run.wait() != 0:
            sys.exit(self.out.read_text())
        tests = json.loads((self.root / "report.json").read_text())["tests"]
        took = [test["setup_s"] + test["call_s"] + test["teardown_s"] for test in tests]
        ends = [test["start_s"] + seconds for test, seconds in zip(tests, took)]
        slots = len({test["slot"] for test in tests})
        return max(ends) - min(test["start_s"] for test in tests), sum(took) / slots


def forget(root: Path) -> None:
    for path in (root / ".fastest").glob("history.db*"):
        path.unlink()


def bench_balance(folder: Path, options: argparse.Namespace) -> None:
    root = make_suite(folder / "balance", 100, 10, 0.05, 0.15)
    print("\n| 1,000 tests, 25 slots | makespan, s | least | the tests' own, s |")
    print("| --- | --- | --- | --- |")
    for name in ("no history", "history"):
        seen = []
        for _ in range(options.rounds):
            with ExitStack() as stack:
                farm = Farm(root, options, stack)
                farm.start(5, *(["--no-history"] if name == "no history" else []))
                for number in range(5):
                    farm.agent(number, 5)
                seen.append(farm.makespan())
        print(
            f"| {name} | {statistics.median(s[0] for s in seen):.2f} "
            f"| {min(s[0] for s in seen):.2f} | {statistics.median(s[1] for s in seen):.2f} |",
            flush=True,
        )


def bench_link(folder: Path, options: argparse.Namespace) -> None:
    root = make_suite(folder / "link", 25, 20, 0.035, 0.035)
    seen: dict[tuple[str, int], list[tuple[float, float]]] = {}
    for history in ("no history", "history"):
        for _ in range(options.rounds):
            for trip_ms in (0, 20):
                with ExitStack() as stack:
                    farm = Farm(root, options, stack)
                    farm.start(1, *(["--no-history"] if history == "no history" else []))
                    farm.agent(0, 2, farm.relay(trip_ms // 2))
                    seen.setdefault((history, trip_ms), []).append(farm.makespan())
    print("\n| 500 tests, 2 slots | round trip, ms | makespan, s | without the tests' own, s |")
    print("| --- | --- | --- | --- |")
    for (history, trip_ms), times in seen.items():
        print(
            f"| {history} | {trip_ms} | {statistics.median(t[0] for t in times):.3f} "
            f"| {statistics.median(t[0] - t[1] for t in times):.3f} |",
            flush=True,
        )


def bench_loss(folder: Path, options: argparse.Namespace) -> None:
    root = make_suite(folder / "loss", 1, 1, 60, 60)
    print("\n| an agent is | seen after, s |\n| --- | --- |")
    for name, number, says in (
        ("killed", signal.SIGKILL, "agent a0"),
        (f"frozen, --dead-after {DEAD_S:g}", signal.SIGSTOP, "silent"),
    ):
        seen = []
        for _ in range(options.rounds):
            with ExitStack() as stack:
                farm = Farm(root, options, stack)
                farm.start(1, "--no-history", "--dead-after", str(DEAD_S))
                agent = farm.agent(0, 1)
                farm.wait_for("agent a0 joins")
                known = len(farm.out.read_text())
                begun = time.monotonic()
                agent.send_signal(number)
                while says not in farm.out.read_text()[known:]:
                    time.sleep(0.002)
                seen.append(time.monotonic() - begun)
        print(f"| {name} | {statistics.median(seen):.3f} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=PARTS, nargs="+", default=PARTS)
    parser.add_argument("--bin", type=Path, default=TOP / "build" / "release" / "bin")
    parser.add_argument("--python", default="/usr/bin/python3", help="of the workers")
    options = parser.parse_args()
    options.bin = options.bin.resolve()
    print(f"{time.strftime('%Y-%m-%d')}, {os.cpu_count()} CPUs, medians of {options.rounds}")
    benches = {"balance": bench_balance, "link": bench_link, "loss": bench_loss}
    with tempfile.TemporaryDirectory(prefix="fastest-bench-") as scratch:
        for part in options.only:
            benches[part](Path(scratch), options)
    print(f"\nload average {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
