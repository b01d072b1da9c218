#!/usr/bin/env python3
"""Measures what agents cost a coordinator: simulated ones (transport_swarm) that speak the protocol
against transport_sink, which is the farm with nothing behind it, and against a real
`fastest-coord run --listen -n 0` on a generated suite. Prints Markdown tables of medians. Usage:

    bench/transport/run.py [--rounds N] [--agents N ...] [--results N] [--only PART ...] [--bin DIR]

Parts: sink (transport, codec and handshake alone), coordinator (a whole run, with and without
history), wait (from CREDIT to LEASE while tests take their time).

CPU time is all threads' of the coordinator's process from the moment when all agents have joined to
the end of the last test; agents run on the same machine, so that results a second are what both
together reach.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
EACH = 100  # tests of a file
PACED = 60000  # at most so many tests that take their time
PARTS = ("sink", "coordinator", "wait")

Seen = dict[str, float]


def make_suite(root: Path, files: int) -> Path:
    (root / "tests").mkdir(parents=True)
    (root / "pytest.ini").write_text("[pytest]\n")
    text = "".join(f"def test_{test}():\n    pass\n\n" for test in range(EACH))
    for file in range(files):
        (root / "tests" / f"test_f{file:04d}.py").write_text(text)
    return root


def measure(
    command: list[str], cwd: Path, token: Path, swarm: list[str], options: argparse.Namespace
) -> Seen:
    """One coordinator and its agents; what the swarm says of them."""
    with open(cwd / "said", "w+") as said:
        coordinator = subprocess.Popen(command, cwd=cwd, stdout=said, stderr=said)
        try:
            url = None
            while not url and coordinator.poll() is None:
                time.sleep(0.01)
                url = re.search(r"listening at ([^,]+),", (cwd / "said").read_text())
            if not url:
                sys.exit((cwd / "said").read_text())
            agents = [str(options.bin / "transport_swarm"), "--connect", url[1], *swarm]
            agents += ["--tests", str(EACH), "--token-file", str(token)]
            agents += ["--coordinator", str(coordinator.pid)]
            done = subprocess.run(agents, cwd=cwd, capture_output=True, text=True, timeout=600)
            status = coordinator.wait(timeout=60)
        finally:
            coordinator.kill()
            coordinator.wait()
        if done.returncode or status:
            text = (cwd / "said").read_text()[-2000:]
            sys.exit(f"{' '.join(agents)}: {done.stderr}{done.stdout}\n{command}: {status}\n{text}")
    return json.loads(done.stdout)


def median(rounds: list[Seen], key: str) -> float:
    return statistics.median(seen[key] for seen in rounds)


def repeat(
    command: list[str], cwd: Path, token: Path, swarm: list[str], options: argparse.Namespace
) -> list[Seen]:
    return [measure(command, cwd, token, swarm, options) for _ in range(options.rounds)]


def rate(rounds: list[Seen]) -> str:
    return f"{statistics.median(seen['acked'] / seen['wall_s'] for seen in rounds):,.0f}"


def cost_us(rounds: list[Seen]) -> str:
    return f"{statistics.median(seen['cpu_s'] / seen['acked'] for seen in rounds) * 1e6:.2f}"


def make_certs(folder: Path, options: argparse.Namespace) -> Path:
    certs = folder / "certs"
    for what in (["init"], ["agent", "bench"]):
        command = [str(options.bin / "fastest-coord"), "cert", *what, "--dir", str(certs)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return certs


def bench_sink(folder: Path, options: argparse.Namespace) -> None:
    token, certs = folder / "token", make_certs(folder, options)
    print("\n### Transport alone (transport_sink)\n")
    print("| | agents | joined in, s | CPU a join, ms | KiB an agent | results/s | µs a result |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for kind in ("tcp", "tls+tcp"):
        for agents in options.agents:
            command = [str(options.bin / "transport_sink"), f"{kind}://127.0.0.1:0", str(token)]
            command += [str(agents), str(options.results), str(folder)]
            swarm = ["--agents", str(agents), "--total", str(options.results)]
            if kind != "tcp":
                command.append(str(certs))
                swarm += ["--certs", str(certs)]
            rounds = repeat(command, folder, token, swarm, options)
            memory = statistics.median(s["joined_kb"] - s["first_kb"] for s in rounds) / agents
            print(
                f"| {kind} | {agents:,} | {median(rounds, 'join_s'):.2f} "
                f"| {median(rounds, 'join_cpu_s') / agents * 1000:.2f} | {memory:.0f} "
                f"| {rate(rounds)} | {cost_us(rounds)} |",
                flush=True,
            )


def coordinator_command(agents: int, more: list[str], options: argparse.Namespace) -> list[str]:
    command = [str(options.bin / "fastest-coord"), "run", "-q", "--no-summary", "-n", "0"]
    command += ["--listen", "tcp://127.0.0.1:0", "--agents", str(agents)]
    return [*command, *more, "tests"]


def bench_coordinator(folder: Path, options: argparse.Namespace) -> None:
    root = make_suite(folder / "suite", options.results // EACH)
    total = options.results // EACH * EACH
    print(f"\n### A whole run of {total:,} tests (fastest-coord run)\n")
    print("| agents | history | joined in, s | results/s | µs a result |")
    print("| --- | --- | --- | --- | --- |")
    for agents in options.agents:
        for name, more in (("no", ["--no-history"]), ("first run", []), ("later run", [])):
            history = root / ".fastest" / "history.db"
            rounds = []
            for _ in range(options.rounds):
                if name == "first run":
                    for path in history.parent.glob("history.db*"):
                        path.unlink()
                command = coordinator_command(agents, more, options)
                swarm = ["--agents", str(agents), "--total", str(total)]
                token = root / ".fastest" / "token"
                rounds.append(measure(command, root, token, swarm, options))
            print(
                f"| {agents:,} | {name} | {median(rounds, 'join_s'):.2f} "
                f"| {rate(rounds)} | {cost_us(rounds)} |",
                flush=True,
            )


def bench_wait(folder: Path, options: argparse.Namespace) -> None:
    total = min(PACED, options.results) // EACH * EACH
    root = make_suite(folder / "paced", total // EACH)
    print("\n### From CREDIT to LEASE, tests of 2.5 to 7.5 ms, the first 80 % of the results\n")
    print("| agents | history | waits | median, ms | p99, ms | most, ms |")
    print("| --- | --- | --- | --- | --- | --- |")
    for agents in options.agents:
        for name, more in (("no", ["--no-history"]), ("yes", [])):
            rounds = repeat(
                coordinator_command(agents, more, options),
                root,
                root / ".fastest" / "token",
                ["--agents", str(agents), "--total", str(total), "--test-ms", "5"],
                options,
            )
            print(
                f"| {agents:,} | {name} | {median(rounds, 'waits'):.0f} "
                f"| {median(rounds, 'p50_ms'):.2f} | {median(rounds, 'p99_ms'):.2f} "
                f"| {median(rounds, 'most_ms'):.2f} |",
                flush=True,
            )


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--agents", type=int, nargs="+", default=[10, 100, 1000])
    parser.add_argument("--results", type=int, default=200000, help="of each run")
    parser.add_argument("--only", choices=PARTS, nargs="+", default=PARTS)
    parser.add_argument("--bin", type=Path, default=TOP / "build" / "release" / "bin")
    options = parser.parse_args()
    options.bin = options.bin.resolve()
    return options


def main() -> None:
    options = read_options()
    revision = subprocess.run(
        ["git", "-C", TOP, "rev-parse", "--short", "HEAD"], capture_output=True, text=True
    ).stdout.strip()
    print(
        f"{time.strftime('%Y-%m-%d')}, revision {revision}, {os.cpu_count()} CPUs, "
        f"load average {os.getloadavg()[0]:.1f}, medians of {options.rounds}"
    )
    benches = {"sink": bench_sink, "coordinator": bench_coordinator, "wait": bench_wait}
    with tempfile.TemporaryDirectory(prefix="fastest-bench-") as scratch:
        for part in options.only:
            benches[part](Path(scratch), options)


if __name__ == "__main__":
    main()
