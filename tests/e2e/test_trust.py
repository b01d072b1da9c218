"""Who may take part over tcp and TLS, who may not, and what both sides say of it."""

from __future__ import annotations

import os
import random
import re
import socket
import ssl
import struct
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from certificates import CLIENT, SERVER, make, make_farm
from live import wait_for
from runners import BIN, PYTHON, environment, fastest_command, write_files
from test_farm import FILES, GATED, Farm, Relay

TOKEN = "0123456789abcdef-a-secret-0123456789abcdef"
COORDINATOR_NAME = "fastest-coord"
HELLO, CHALLENGE, PROOF, REJECT = 1, 2, 3, 5


@pytest.fixture(scope="module")
def certs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = make_farm(tmp_path_factory.mktemp("certs") / "made", "one", "two")
    make(place, "other", None)
    make(place, "foreign", "other")
    make(place, "old", "ca", days=(-10, -5))
    make(place, "early", "ca", days=(5, 10))
    make(place, "rsa", "ca", with_rsa=True)
    make(place, "c-foreign", "other", SERVER, COORDINATOR_NAME)
    make(place, "c-old", "ca", SERVER, COORDINATOR_NAME, (-10, -5))
    make(place, "c-early", "ca", SERVER, COORDINATOR_NAME, (5, 10))
    make(place, "c-elsewhere", "ca", SERVER, "elsewhere")
    make(place, "c-nameless", "ca", SERVER)
    make(place, "c-agent", "ca", CLIENT, COORDINATOR_NAME)
    for name in ("one.pem", "one-key.pem"):
        (place / f"c-{name}").write_bytes((place / name.replace("one", "coordinator")).read_bytes())
        (place / f"c-{name}").chmod(0o600)
    make(place, "c-two", "ca", SERVER, COORDINATOR_NAME)
    for side in ("", "c-"):
        (place / f"{side}open-key.pem").write_bytes((place / f"{side}one-key.pem").read_bytes())
        (place / f"{side}open-key.pem").chmod(0o644)
        (place / f"{side}token").touch(0o600)
        (place / f"{side}token").write_text(TOKEN + "\n")
    return place


def shown(certs: Path, name: str) -> list[str]:
    return ["--tls-cert", str(certs / f"{name}.pem"), "--tls-key", str(certs / f"{name}-key.pem")]


def believed(certs: Path, name: str = "ca") -> list[str]:
    return ["--tls-ca", str(certs / f"{name}.pem")]


class Secure(Farm):
    """A farm whose coordinator listens at tls+tcp://."""

    scheme = "tls+tcp"

    def agent_with(self, name: str, *args: str) -> subprocess.Popen[str]:
        command = [str(BIN / "fastest-agent"), "--connect", self.url, "--name", name, "-n", "1"]
        command += ["--python", PYTHON, *args]
        self.agents[name] = self.spawn(command, self.checkout(name), name)
        return self.agents[name]

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])


@contextmanager
def secure(root: Path, files: dict[str, str] | None = None) -> Iterator[Secure]:
    with ExitStack() as stack:
        yield Secure(root, files or FILES, stack)


def test_a_run_over_tls_has_pytests_verdict(certs: Path, tmp_path: Path) -> None:
    """Certificates for all, also of another make; no token."""
    with secure(tmp_path) as one:
        own = [*shown(certs, "coordinator"), *believed(certs)]
        one.start("--agents", "2", "--log-level", "debug", *own, workers=0)
        assert f"agents need a certificate of the CA in {certs}/ca.pem\n" in one.said("run")
        one.agent_with("a", "--once", *shown(certs, "one"), *believed(certs))
        one.agent_with("b", "--once", *shown(certs, "rsa"), *believed(certs))
        one.holds()
        assert {line.split()[0] for line in one.ran()} == {"a", "b"}
        assert [one.agents[name].wait(timeout=30) for name in "ab"] == [0, 0]
        assert not (one.project / ".fastest" / "token").exists()


def test_an_agent_that_breaks_off_over_tls_comes_back(certs: Path, tmp_path: Path) -> None:
    """Its cable is cut in the midst of a test; the session goes on over another connection."""
    with secure(tmp_path, {**FILES, "test_.py": GATED}) as one, ExitStack() as stack:
        own = [*shown(certs, "coordinator"), *believed(certs)]
        one.start("--agents", "1", "--order", "file", "--grace", "20", *own, workers=0)
        relay = Relay(one.port)
        stack.callback(relay.end)
        one.url = relay.url.replace("tcp:", "tls+tcp:")
        one.agent_with("a", "--once", *shown(certs, "one"), *believed(certs))
        one.at("a")
        relay.cut()
        wait_for("the break", lambda: "what runs goes on" in one.said("a"))
        relay.mend()
        one.open_gate()
        one.holds()
        assert one.agents["a"].wait(timeout=30) == 0
        assert "is lost" not in one.said("run")


def test_a_token_over_tls(certs: Path, tmp_path: Path) -> None:
    """Without --tls-ca it is what agents need, and they none to show; it is seen nowhere."""
    with secure(tmp_path, {**FILES, "test_gated.py": GATED}) as one:
        one.env["FASTEST_TOKEN"] = TOKEN
        debug = ("--log-level", "debug")
        one.start("--agents", "1", *debug, *shown(certs, "coordinator"), workers=1)
        one.agent_with("a", "--once", *debug, *believed(certs))
        wait_for(
            "both at work", lambda: any((tmp_path / f"at-{n}").exists() for n in ("a", "local"))
        )
        for pid in family(one.run.pid) | family(one.agents["a"].pid):
            assert TOKEN.encode() not in Path(f"/proc/{pid}/cmdline").read_bytes()
        for worker in tmp_path.glob("at-*"):
            pid = wait_for("its pid", worker.read_text)
            assert b"FASTEST_TOKEN" not in Path(f"/proc/{pid}/environ").read_bytes()
        one.env["FASTEST_TOKEN"] = "another-token-0123456789abcdef"
        assert one.agent_with("wrong", *believed(certs)).wait(timeout=60) == 4
        assert "whoever listens there doesn't know the token" in one.said("wrong")
        one.open_gate()
        one.holds()
        assert one.agents["a"].wait(timeout=30) == 0
        said = "".join(one.said(name) for name in ("run", "a", "wrong"))
        assert TOKEN not in said and "another-token" not in said


def family(pid: int) -> set[int]:
    """The process and all that come from it, as far as they are still there."""
    found = {pid}
    try:
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                found |= family(int(child))
    except OSError:
        pass
    return {member for member in found if os.path.exists(f"/proc/{member}/cmdline")}


NOT_TAKEN = "doesn't accept this agent's certificate: "


def test_who_is_no_member_may_not_join(certs: Path, tmp_path: Path) -> None:
    """Each is told why, by a line on both sides; the run minds none of them."""
    with secure(tmp_path, {**FILES, "test_gated.py": GATED}) as one:
        token = ("--token-file", str(certs / "token"))
        one.start(*shown(certs, "coordinator"), *believed(certs), *token, workers=1)
        cases = {
            "none": (
                [*believed(certs), *token],
                "the agent shows no certificate",
                "wants a certificate of this agent: give --tls-cert and --tls-key",
            ),
            "foreign": (
                [*shown(certs, "foreign"), *believed(certs), *token],
                "the agent's certificate isn't accepted: it is of another CA",
                NOT_TAKEN + "it is of another CA",
            ),
            "doubtful": (
                [*shown(certs, "one"), *believed(certs, "other"), *token],
                "the agent doesn't accept this coordinator's certificate: it is of another CA",
                "the coordinator's certificate isn't accepted: it is of another CA",
            ),
            "elsewhere": (
                [*shown(certs, "one"), *believed(certs), *token, "--tls-server-name", "x"],
                "the agent doesn't accept this coordinator's certificate: it is not what",
                "it is not for the name x (--tls-server-name)",
            ),
            "tokenless": (
                [*shown(certs, "one"), *believed(certs)],
                "it doesn't know the token",
                "the token is not this farm's",
            ),
        }
        for name, (args, here, there) in cases.items():
            assert one.agent_with(name, *args).wait(timeout=60) == 4, name
            assert there in one.said(name) and one.said(name).count("\n") == 1, one.said(name)
            lines = [line for line in one.said("run").splitlines() if here in line]
            assert len(lines) == 1 and "refused 127.0.0.1 port " in lines[0], one.said("run")
        # Those that our own agent doesn't show: it refuses them itself.
        for name, text in (("old", "it has expired"), ("early", "it isn't valid yet")):
            with pytest.raises(OSError):
                dial(one.port, certs, name).recv(1)
            wait_for(name, lambda text=text: f"isn't accepted: {text}" in one.said("run"))
        with pytest.raises(OSError):
            dial(one.port, certs, "coordinator").recv(1)
        wait_for("the purpose", lambda: "isn't accepted: it is for another" in one.said("run"))
        one.open_gate()
        one.holds()


def dial(port: int, certs: Path, name: str | None = None) -> ssl.SSLSocket:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(certs / "ca.pem")
    if name:
        context.load_cert_chain(certs / f"{name}.pem", certs / f"{name}-key.pem")
    plain = socket.create_connection(("127.0.0.1", port), timeout=60)
    return context.wrap_socket(plain, server_hostname=COORDINATOR_NAME)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("c-foreign", "the coordinator's certificate isn't accepted: it is of another CA"),
        ("c-old", "the coordinator's certificate isn't accepted: it has expired"),
        ("c-early", "the coordinator's certificate isn't accepted: it isn't valid yet"),
        ("c-elsewhere", "it is not for the name fastest-coord (--tls-server-name)"),
        ("c-nameless", "it is not for the name fastest-coord (--tls-server-name)"),
        ("c-agent", "the coordinator's certificate isn't accepted: it is for another purpose"),
    ],
)
def test_a_coordinator_that_is_none_is_not_followed_over_tls(
    name: str, says: str, certs: Path, tmp_path: Path
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certs / f"{name}.pem", certs / f"{name}-key.pem")
    with secure(tmp_path) as one, socket.create_server(("127.0.0.1", 0)) as listener:
        one.url = f"tls+tcp://127.0.0.1:{listener.getsockname()[1]}"
        agent = one.agent_with("a", *shown(certs, "one"), *believed(certs))
        peer, _ = listener.accept()
        peer.settimeout(60)
        with peer, pytest.raises(OSError):
            context.wrap_socket(peer, server_side=True).recv(1)
        assert agent.wait(timeout=60) == 4
        assert says in one.said("a") and one.said("a").count("\n") == 1


def frame(kind: int, text: bytes) -> bytes:
    return struct.pack(">IBBH", len(text), kind, 0, 0) + text


def read_frame(peer: socket.socket) -> tuple[int, bytes]:
    file = peer.makefile("rb")
    size, kind, _, _ = struct.unpack(">IBBH", file.read(8))
    return kind, file.read(size)


class Ear(Relay):
    """Keeps what the first agent says."""

    heard = b""

    def _pass(self, end: socket.socket) -> None:
        if end.getsockname()[1] == self.listener.getsockname()[1]:
            self.heard += end.recv(65536, socket.MSG_PEEK)
        super()._pass(end)


def test_a_proof_that_was_overheard_is_of_no_use(tmp_path: Path) -> None:
    """Played again, or the coordinator's own given back to it: nonces and sides are in it."""
    with ExitStack() as stack:
        one = Farm(tmp_path, {**FILES, "test_gated.py": GATED}, stack)
        one.start(workers=1)
        one.at("local")
        port = int(one.url.rpartition(":")[2])
        ear = Ear(port)
        stack.callback(ear.end)
        one.url = ear.url
        one.agent("a", "--once")
        one.joined("a")
        size = struct.unpack(">I", ear.heard[:4])[0] + 8
        hello, rest = ear.heard[:size], ear.heard[size:]
        assert hello[4] == HELLO and rest[4] == PROOF
        proof = rest[: struct.unpack(">I", rest[:4])[0] + 8]
        for reflected in (False, True):
            with socket.create_connection(("127.0.0.1", port), timeout=60) as peer:
                peer.sendall(hello)
                kind, challenge = read_frame(peer)
                assert kind == CHALLENGE
                theirs = re.search(rb'"proof":"([0-9a-f]{64})"', challenge)
                assert theirs
                said = re.sub(rb'("proof":")[0-9a-f]{64}', rb"\g<1>" + theirs[1], proof)
                peer.sendall(said if reflected else proof)
                kind, text = read_frame(peer)
                assert kind == REJECT and b"the token is not this farm's" in text
        wait_for("two lines", lambda: one.said("run").count("it doesn't know the token") == 2)
        one.open_gate()
        one.holds()


def test_hundreds_that_break_off_leave_the_run_unharmed(certs: Path, tmp_path: Path) -> None:
    """At any point of handshake and session, with a member's certificate and without."""
    with secure(tmp_path, {**FILES, "test_gated.py": GATED}) as one:
        one.start(*shown(certs, "coordinator"), *believed(certs), workers=1)
        one.at("local")
        agent = one.agent_with("a", "--once", *shown(certs, "one"), *believed(certs))
        seed = random.randrange(1 << 30)
        dice = random.Random(seed)
        print("seed", seed)
        threads = [
            threading.Thread(target=break_off, args=(one.port, certs, random.Random(dice.random())))
            for _ in range(2)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        one.joined("a")
        one.open_gate()
        one.holds()
        assert agent.wait(timeout=30) == 0


def break_off(port: int, certs: Path, dice: random.Random) -> None:
    """A hundred connections, each cut somewhere, gently or by a reset."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(certs / "ca.pem")
    context.load_cert_chain(certs / "one.pem", certs / "one-key.pem")
    hello = frame(HELLO, b'{"protocol":1,"nonce":"%032x"}' % dice.getrandbits(128))
    for _ in range(100):
        tcp = socket.create_connection(("127.0.0.1", port), timeout=60)
        if dice.random() < 0.5:
            tcp.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        session = context.wrap_bio(incoming, outgoing, server_hostname=COORDINATOR_NAME)
        steps = dice.randrange(5)
        try:
            for step in range(steps):
                try:
                    if step < 3:
                        session.do_handshake()
                    else:
                        session.write(hello)
                except ssl.SSLWantReadError:
                    pass
                data = outgoing.read()
                cut = dice.randrange(len(data) + 1) if step == steps - 1 else len(data)
                tcp.sendall(data[:cut])
                if step == 0 and steps > 1:
                    incoming.write(tcp.recv(65536))
        except OSError:
            pass
        tcp.close()


def run(place: Path, *args: str) -> tuple[int, str]:
    ended = subprocess.run(
        fastest_command(*args, workers=1),
        cwd=place,
        env=environment(PYTEST_DISABLE_PLUGIN_AUTOLOAD="1"),
        capture_output=True,
        text=True,
    )
    return ended.returncode, ended.stderr


LISTEN = ("--listen", "tls+tcp://127.0.0.1:0")
CONNECT = ("--connect", "tls+tcp://127.0.0.1:1", "--retry", "0")
# What both programs say of files; the coordinator's have "c-" before their names.
FILES_REFUSED = [
    ("one.pem", "two-key.pem", "two-key.pem is not the key of the certificate in {}one.pem"),
    ("none.pem", "one-key.pem", "none.pem: No such file or directory"),
    ("one.pem", "none-key.pem", "none-key.pem: No such file or directory"),
    ("token", "one-key.pem", "token: not a certificate in PEM"),
    ("one.pem", "token", "token: not a private key in PEM without a password"),
    ("one.pem", "open-key.pem", "open-key.pem: others may read this key: chmod 600 it"),
    ("old.pem", "old-key.pem", "old.pem: the certificate has expired on 20"),
    ("early.pem", "early-key.pem", "early.pem: the certificate is valid from 20"),
]


def test_files_that_cannot_be_used_are_refused_at_the_start(certs: Path, tmp_path: Path) -> None:
    write_files(tmp_path, {"test_a.py": "def test_a(): pass\n"})

    def agent(*args: str) -> tuple[int, str]:
        ended = subprocess.run(
            [str(BIN / "fastest-agent"), "--python", PYTHON, *args],
            cwd=tmp_path,
            env=environment(),
            capture_output=True,
            text=True,
        )
        return ended.returncode, ended.stderr

    def refused(ended: tuple[int, str], says: str) -> None:
        assert ended[0] == 4 and says in ended[1] and ended[1].count("\n") == 1, (says, ended)

    for cert, key, says in FILES_REFUSED:
        own = ["--tls-cert", str(certs / cert), "--tls-key", str(certs / key)]
        refused(agent(*CONNECT, *believed(certs), *own), says.format(f"{certs}/"))
        own = ["--tls-cert", str(certs / f"c-{cert}"), "--tls-key", str(certs / f"c-{key}")]
        refused(run(tmp_path, *LISTEN, *own), says.format(f"{certs}/c-"))
    coordinator, member = shown(certs, "coordinator"), shown(certs, "one")
    refused(run(tmp_path, *LISTEN, *member), "one.pem: the certificate is not for a coordinator")
    refused(agent(*CONNECT, *believed(certs), *coordinator), "certificate is not for an agent")
    refused(run(tmp_path, *LISTEN), "needs --tls-cert and --tls-key")
    refused(
        run(tmp_path, *LISTEN, *coordinator, *believed(certs, "one")), "not the certificate of a CA"
    )
    refused(run(tmp_path, *coordinator), "--tls-cert: only with --listen tls+tcp://")
    plain = ("--listen", "tcp://127.0.0.1:0")
    refused(run(tmp_path, *plain, *believed(certs)), "--tls-ca: only with --listen tls+tcp://")
    refused(run(tmp_path, "--listen", "tcp://0.0.0.0:0"), "listen at tls+tcp://")
    refused(agent(*CONNECT, *member), "needs --tls-ca FILE")
    refused(agent(*CONNECT, *believed(certs), *member[:2]), "belong together")
    refused(agent(*CONNECT, *believed(certs)), "or a certificate with --tls-cert and --tls-key")
    open_place = ("--listen", "tls+tcp://0.0.0.0:0")
    status, err = run(tmp_path, *open_place, *coordinator, *believed(certs))
    assert status == 0 and err.startswith("listening at tls+tcp://0.0.0.0:"), err


def test_certificates_are_made_once(tmp_path: Path) -> None:
    """In files of their owner's; nothing is overwritten, nothing half made stays."""

    def cert(*args: str) -> tuple[int, str, str]:
        command = [str(BIN / "fastest-coord"), "cert", *args]
        ended = subprocess.run(
            command, cwd=tmp_path, env=environment(), capture_output=True, text=True
        )
        return ended.returncode, ended.stdout, ended.stderr

    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    status, _, err = cert("agent", "one")
    assert (status, err) == (
        4,
        "ERROR: no CA in .fastest/certs: fastest-coord cert init makes one\n",
    )
    assert cert("init")[0] == 0
    status, out, _ = cert("agent", "one")
    assert status == 0 and "--tls-cert one.pem --tls-key one-key.pem" in out
    place = tmp_path / ".fastest" / "certs"
    before = {
        path.name: (path.read_bytes(), path.stat().st_mode & 0o777) for path in place.iterdir()
    }
    assert set(before) == {
        f"{name}{end}.pem" for name in ("ca", "coordinator", "one") for end in ("", "-key")
    }
    assert {mode for _, mode in before.values()} == {0o600}
    assert (tmp_path / ".fastest" / ".gitignore").read_text() == "*\n"
    for again in (["init"], ["agent", "one"], ["agent", "ca"]):
        status, _, err = cert(*again)
        assert status == 4 and "is there already; nothing is overwritten" in err
    (place / "ca.pem").unlink()
    assert cert("init")[0] == 4  # its key is there
    assert not (place / "ca.pem").exists()
    for name in ("", "../x", "a b", "-x", "x" * 65):
        assert cert("agent", "--", name)[0] == 4 or cert("agent", name)[0] == 4
    assert cert("init", "--days", "0")[0] == 4
    assert cert()[0] == 4 and cert("agent")[0] == 4 and cert("init", "x")[0] == 4
    for path in place.iterdir():
        assert before[path.name][0] == path.read_bytes()
