"""Peers that are up to no good: each is dropped, and the run's verdict is plain pytest's."""

from __future__ import annotations

import json
import re
import resource
import socket
import struct
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from xml.etree import ElementTree

from live import wait_for
from peer import NONCE, Gone, Peer, number_of, proof
from test_farm import FILES, GATED, Farm, farm

MIB = 1 << 20
GATED_FILES = {**FILES, "test_gated.py": GATED}
SKEWED = f'{{"protocol":1,"nonce":"{"0" * 32}"}}'.encode()


def port_of(one: Farm) -> int:
    return int(one.url.rpartition(":")[2])


def token_of(one: Farm) -> str:
    return (one.project / ".fastest" / "token").read_text().strip()


def peak_mib(pid: int) -> float:
    """The most memory that the process has had."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) / 1024  # type: ignore[index]


def dropped(said: str) -> int:
    """How many peers the coordinator says that it has dropped or refused."""
    lines = re.findall(r"warn: (?:dropped|refused) \S+ port \d+: ", said)
    return len(lines) + sum(map(int, re.findall(r"warn: dropped (\d+) more connections", said)))


# ---- before the proof

FRAME = struct.Struct(">IBBH").pack
STRANGERS = {
    "garbage": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 20,
    "an oversize frame": FRAME(0x7FFFFFFF, 1, 0, 0),
    "a long HELLO": FRAME(8192, 1, 0, 0) + b"x" * 8192,
    "deep JSON": FRAME(4000, 1, 0, 0) + b"[" * 4000,
    "invalid UTF-8": FRAME(33, 1, 0, 0) + b'{"protocol":1,"nonce":"\xff\xfe......"}',
    "a NUL": FRAME(31, 1, 0, 0) + b'{"protocol":1,"nonce":"\\u0000"}',
    "an escaped key twice": FRAME(29, 1, 0, 0) + b'{"\\u001b[2J":1,"\\u001b[2J":1}',
    "a result before anything": FRAME(2, 11, 0, 0) + b"{}",
    "a message with a number": FRAME(8 + len(SKEWED), 1, 2, 0) + bytes(7) + b"\1" + SKEWED,
    "unknown flags": FRAME(len(SKEWED), 1, 64, 0) + SKEWED,
    "parts of 8 KiB": (FRAME(4001, 19, 0, 0) + b"\1" + b" " * 4000) * 2,
    "HELLO twice": (FRAME(len(SKEWED), 1, 0, 0) + SKEWED) * 2,
}


def drip(peer: Peer, data: bytes, stop: threading.Event) -> None:
    """A byte every 100 ms."""
    try:
        for byte in data:
            peer.send(bytes([byte]))
            if stop.wait(0.1):
                return
    except Gone:
        pass


def test_strangers_are_dropped(tmp_path: Path) -> None:
    with farm(tmp_path, GATED_FILES) as one, ExitStack() as stack:
        one.start(workers=1)
        one.at("local")
        stop = threading.Event()
        stack.callback(stop.set)
        slow = stack.enter_context(Peer.dial(port_of(one)))
        threading.Thread(target=drip, args=(slow, STRANGERS["HELLO twice"], stop)).start()
        for name, data in STRANGERS.items():
            with Peer.dial(port_of(one)) as peer:
                try:
                    peer.send(data)
                except Gone:
                    pass
                peer.await_end()
        slow.await_end()
        wait_for("its line", lambda: "no handshake within 5 s" in one.said("run"))
        wait_for("all lines", lambda: dropped(one.said("run")) >= len(STRANGERS) + 1)
        assert dropped(one.said("run")) == len(STRANGERS) + 1, one.said("run")
        assert "\x1b" not in one.said("run")
        assert peak_mib(one.run.pid) < 300
        one.open_gate()
        one.holds()


def test_a_crowd_of_silent_connections_keeps_nobody_out(tmp_path: Path) -> None:
    """10,000 of them, or as many as may be; before, while and after a good agent comes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    count = min(10_000, hard - 500)
    assert count >= 1000
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with farm(tmp_path, GATED_FILES) as one, ExitStack() as stack:
        stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        one.start(workers=1)
        one.at("local")
        began = time.monotonic()
        for i in range(count):
            peer = stack.enter_context(Peer.dial(port_of(one)))
            if i % 100 == 0:  # the kernel's queue must not overflow: all before it are in
                peer.say("HELLO", {"protocol": 1, "nonce": NONCE})
                peer.await_message("CHALLENGE")
            if i == count // 2:
                one.agent("good", "--once")
        one.joined("good")
        wait_for("the number", lambda: dropped(one.said("run")) >= count - 256)
        lines = one.said("run").count("connections that had") + one.said("run").count("others came")
        assert lines <= 11 * (time.monotonic() - began + 2)
        assert peak_mib(one.run.pid) < 300
        one.open_gate()
        one.holds()
        assert one.agents["good"].wait(timeout=60) == 0


# ---- behind the proof


def state(slot: int, word: str = "up", **more: object) -> dict:
    return {"slot": slot, "state": word, **more}


def result(lease: str, slot: int, node: str, outcome: str = "passed", **more: object) -> dict:
    return {"lease": lease, "slot": slot, "id": node, "outcome": outcome, **more}


def bomb(peer: Peer, _: int) -> None:
    part = bytes([number_of("RESULTS")]) + bytes(MIB - 1)
    for _ in range(300):
        peer.frame(number_of("PART"), part)


LIES: dict[str, Callable[[Peer, int], None]] = {
    "a foreign lease": lambda peer, slot: peer.say(
        "RESULTS", {"results": [result("1", slot, "test_0.py::test_slow[0]")]}
    ),
    "a foreign slot": lambda peer, slot: peer.say("STATE", state(0, "fatal", text="no")),
    "a foreign slot's output": lambda peer, slot: peer.say(
        "OUTPUT", {"slot": 0, "text": "forged\n"}
    ),
    "a slot of nobody": lambda peer, slot: peer.say("STATE", state(4_000_000_000)),
    "a list of nothing": lambda peer, slot: peer.say(
        "COLLECTED", {"lease": "1", "slot": slot, "file": "test_0.py", "digest": "x"}
    ),
    "an unknown word": lambda peer, slot: peer.say("STATE", state(slot, "splendid")),
    "NaN": lambda peer, slot: peer.say("STATE", b'{"slot":%d,"state":"up","start_s":NaN}' % slot),
    "ages": lambda peer, slot: peer.say("STATE", state(slot, start_s=1e11)),
    "half a slot": lambda peer, slot: peer.say("CREDIT", {"slot": slot + 0.5}),
    "a NUL": lambda peer, slot: peer.say("STATE", state(slot, "down", text="a\0b")),
    "deep JSON": lambda peer, slot: peer.say("RESULTS", b"[" * 100_000),
    "many values": lambda peer, slot: peer.say("RESULTS", b"[" + b"0," * 9_000_000 + b"0]"),
    "an oversize frame": lambda peer, slot: peer.frame(11, bytes(MIB + 1)),
    "a message of 300 MiB": bomb,
    "parts of two messages": lambda peer, slot: [
        peer.frame(number_of("PART"), bytes([kind]) + b"{}") for kind in (11, 16)
    ],
    "a number that is too high": lambda peer, slot: peer.say("CREDIT", {"slot": slot}, seq=2),
    "no number": lambda peer, slot: peer.say("CREDIT", {"slot": slot}, seq=0),
    "an ACK of what was never sent": lambda peer, slot: peer.say("ACK", {"seq": "1000000"}),
    "a coordinator's message": lambda peer, slot: peer.say("DRAIN", {}) or peer.say("START", {}),
    "an overlong list": lambda peer, slot: peer.say("NODE", {"slot": slot, "event": "wanted"}),
}


def test_liars_are_dropped(tmp_path: Path) -> None:
    """Each with one line that says why; and names that would write to the terminal."""
    with farm(tmp_path, GATED_FILES) as one:
        one.start("--dead-after", "2", workers=1)
        one.at("local")
        token, port = token_of(one), port_of(one)
        lost = "agent {} is lost: "
        names = []
        for i, (what, lie) in enumerate(LIES.items()):
            names.append(f"liar{i}")
            with Peer.dial(port) as peer:
                slot = peer.join(token, names[-1])[0]
                try:
                    lie(peer, slot)
                except Gone:
                    pass
                peer.await_end()
            wait_for(what, lambda: lost.format(names[-1]) in one.said("run"))
        for more in ({"name": "a\x1b[2J"}, {"name": "a\x9b2J"}, {"slots": 10**9}):
            with Peer.dial(port) as peer:
                peer.prove(token, **{"name": "x", **more})  # type: ignore[arg-type]
                peer.await_end()
        with Peer.dial(port) as peer:  # half a message, and then nothing
            peer.join(token, "slow")
            peer.send(FRAME(1000, number_of("RESULTS"), 2, 0))
            peer.await_end()
        wait_for("silence", lambda: "agent slow: it was silent for 2 s" in one.said("run"))
        said = one.said("run")
        assert [said.count(lost.format(name)) for name in names] == [1] * len(names)
        assert "\x1b" not in said and "\x9b" not in said and "forged" not in said
        assert peak_mib(one.run.pid) < 1000
        one.open_gate()
        one.holds()


def test_what_a_liar_was_given_runs_elsewhere(tmp_path: Path) -> None:
    """It takes work, says what can't be, says things twice; nothing of it counts."""
    with farm(tmp_path, {**FILES, "test_.py": GATED}) as one:
        one.start("--order", "file", workers=1)
        one.at("local")
        for i, lie in enumerate(({"id": "test_x.py::no"}, {"outcome": "great"}, {"lease": "99"})):
            with Peer.dial(port_of(one)) as peer:
                slot = peer.join(token_of(one), f"liar{i}", python="\x1b[2J")[0]
                peer.say("STATE", state(slot, python="\x1b[2J", pytest="\x1b]0;x\x07"))
                peer.say("CREDIT", {"slot": slot})
                lease = peer.await_message("LEASE")
                file = lease["file"]
                news = {"lease": lease["lease"], "slot": slot, "file": file, "digest": "d"}
                ids = [f"{file}::test_slow[{n}]" for n in range(6)]
                ids += [f"{file}::TestGroup::test_{n}" for n in "ab"]
                peer.say("COLLECTED", {**news, "items": [{"id": node} for node in ids]})
                peer.say("COLLECTED", news, seq=peer.said)  # was heard: not used
                one_result = result(lease["lease"], slot, ids[0], call_s=-1e9)
                peer.say("RESULTS", {"results": [{**one_result, **lie}]})
                peer.await_end()
            wait_for("the loss", lambda: f"agent liar{i} is lost" in one.said("run"))
        assert "\x1b" not in one.said("run")
        one.open_gate()
        one.holds()


ODD = "\x1b[2J\x9b\x07\r\n]]>&<\ufffe"
ABSURD = {"setup_s": -1e10, "call_s": 1e10, "teardown_s": 1e10, "shared_s": -1e10}
ABSURD |= {"start_s": 1e10, "pid": -(2**53), "reruns": 2**32 - 1, "junit_tests": 2**32 - 1}
PHASE = {"when": ODD, "title": ODD, "longrepr": ODD * 50_000, "message": ODD, "location": ODD}
WARNING = {"message": ODD, "category": ODD, "nodeid": ODD, "file": ODD, "line": 2**32 - 1}


def test_absurd_results_leave_reports_that_can_be_read(tmp_path: Path) -> None:
    """An agent that is right about outcomes and about nothing else."""
    with farm(tmp_path, {**FILES, "test_.py": GATED}) as one:
        paths = [tmp_path / name for name in ("junit.xml", "events")]
        args = ["--junitxml", str(paths[0]), "--events", str(paths[1]), "--order", "file"]
        one.start(*args, "-v", "--durations", "5", workers=1)
        one.at("local")
        with Peer.dial(port_of(one)) as peer:
            slot = peer.join(token_of(one))[0]
            peer.say("STATE", state(slot, plugins=[ODD], start_s=-1e10))
            peer.say("CREDIT", {"slot": slot, "left_ms": 2**32 - 1})
            lease = peer.await_message("LEASE")
            file = lease["file"]
            ids = [f"{file}::test_slow[{n}]" for n in range(6)]
            ids += [f"{file}::TestGroup::test_{n}" for n in "ab"]
            news = {"lease": lease["lease"], "slot": slot, "file": file, "digest": ODD}
            peer.say("COLLECTED", {**news, "items": [{"id": node} for node in ids]})
            for node in ids:
                outcome = "failed" if node.endswith(("[3]", "b")) else "passed"
                phase = {**PHASE, "outcome": outcome, "sections": [{"name": ODD, "text": ODD}]}
                one_result = result(lease["lease"], slot, node, outcome, **ABSURD, phases=[phase])
                peer.say("RESULTS", {"results": [one_result], "warnings": [WARNING]})
            peer.await_message("ACK")
            peer.say("BYE", {})
            one.open_gate()
            one.holds()
        for line in paths[1].read_text().splitlines():
            json.loads(line)
        assert len(ElementTree.parse(paths[0]).getroot().findall(".//testcase")) >= 4 * 8
        report = json.loads(one.report.read_text())
        assert {test["agent"] for test in report["tests"]} >= {"liar", "local"}


# ---- coordinators


CONFIG = {"args": [], "root": "/", "cwd": ".", "hash_seed": "0", "slot_count": 1}
WELCOME = {"run": "r", "slots": [7], "agent": "a", "config": CONFIG}


def lease_of(file: str, slot: int = 7) -> dict:
    kind = {"kind": "plain", "attempt": 1, "whole": True}
    return {"lease": "1", "slot": slot, "file": file, **kind}


def order(name: str, payload: dict | bytes, seq: int | None = None) -> Callable[[Peer], None]:
    def give(peer: Peer) -> None:
        peer.say("WELCOME", WELCOME)
        peer.say(name, payload, seq=seq)

    return give


ORDERS: dict[str, Callable[[Peer], None]] = {
    "an absolute path": order("LEASE", lease_of("/etc/passwd.py")),
    "a foreign slot": order("LEASE", lease_of("test_0.py", slot=8)),
    "slots that were not asked for": lambda peer: peer.say(
        "WELCOME", {**WELCOME, "slots": list(range(100_000))}
    ),
    "no slots": lambda peer: peer.say("WELCOME", {**WELCOME, "slots": []}),
    "a session that was never": lambda peer: peer.say("WELCOME", {**WELCOME, "resumed": True}),
    "many values": order("REVOKE", b"[" + b"0," * 9_000_000 + b"0]"),
    "deep JSON": order("LEASE", b"[" * 100_000),
    "a message of 300 MiB": lambda peer: bomb(peer, 0),
    "a number that is too high": order("START", {"slot": 7}, seq=5),
    "an ACK of what was never said": order("ACK", {"seq": "18446744073709551615"}),
    "an agent's message": order("RESULTS", {}),
    "an order before the welcome": lambda peer: peer.say("LEASE", lease_of("a.py")),
}


def test_hostile_coordinators_harm_no_agent(tmp_path: Path) -> None:
    """Each breaks the protocol once; the agent leaves it, dials again, and is well."""
    with farm(tmp_path) as one, socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(60)
        token = tmp_path / "token"
        token.write_text("0123456789abcdef0123456789abcdef\n")
        token.chmod(0o600)
        one.url = f"tcp://127.0.0.1:{listener.getsockname()[1]}"
        agent = one.agent("a", "--dead-after", "5", token=token)
        for what, give in ORDERS.items():
            with Peer(listener.accept()[0]) as peer:
                greet(peer, token.read_text().strip())
                try:
                    give(peer)
                except Gone:
                    pass
                peer.await_end()
            assert agent.poll() is None, what
        assert peak_mib(agent.pid) < 1000
        assert not (tmp_path / "a" / "elsewhere" / ".fastest").exists()
        agent.terminate()
        assert agent.wait(timeout=60) == 0
        assert one.said("a").count("broke the protocol") >= 5


def greet(peer: Peer, token: str) -> None:
    """A coordinator's side of the handshake, up to its WELCOME."""
    hello = peer.await_message("HELLO")
    nonce = "f" * 32
    text = proof(token, "coordinator", hello["nonce"], nonce)
    peer.say("CHALLENGE", {"nonce": nonce, "proof": text})
    claim = peer.await_message("PROOF")
    assert claim["proof"] == proof(token, "agent", hello["nonce"], nonce)
