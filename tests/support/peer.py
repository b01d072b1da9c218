"""A peer that speaks the protocol's frames, truthfully or not: an agent that a test writes."""

from __future__ import annotations

import hashlib
import hmac
import json
import socket
import struct
from types import TracebackType

TYPES = (
    "HELLO CHALLENGE PROOF WELCOME REJECT CREDIT LEASE COLLECTED LIST LISTED RESULTS ACK REVOKE"
    " REVOKED CANCEL STATE DRAIN BYE PART START OUTPUT NODE SUMMARY PING CHECKOUT HELD"
).split()
UNCOUNTED = {"HELLO", "CHALLENGE", "PROOF", "CHECKOUT", "WELCOME", "REJECT", "PING", "ACK"}
PART_LAST, COUNTED = 1, 2
NONCE = "00112233445566778899aabbccddeeff"


def number_of(name: str) -> int:
    return TYPES.index(name) + 1


def proof(token: str, side: str, agent: str, coordinator: str) -> str:
    text = f"fastest {side}\n{agent}\n{coordinator}\n".encode()
    return hmac.new(token.encode(), text, hashlib.sha256).hexdigest()


class Gone(Exception):
    """The other side has closed the connection."""


class Peer:
    """One connection. Numbers what it says as the protocol wants it, unless told otherwise."""

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        self.socket.settimeout(60)
        self.said = 0
        self.heard = 0
        self.welcome: dict = {}

    @classmethod
    def dial(cls, port: int) -> Peer:
        return cls(socket.create_connection(("127.0.0.1", port), timeout=60))

    def __enter__(self) -> Peer:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            raise Gone from None

    def frame(self, kind: int, payload: bytes, flags: int = 0) -> None:
        self.send(struct.pack(">IBBH", len(payload), kind, flags, 0) + payload)

    def say(self, name: str, payload: dict | bytes, seq: int | None = None) -> None:
        body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        if seq is None and name not in UNCOUNTED:
            seq = self.said = self.said + 1
        if seq:
            body = struct.pack(">Q", seq) + body
        flags = COUNTED if seq else 0
        if len(body) <= 1 << 20:
            self.frame(number_of(name), body, flags)
            return
        size = (1 << 20) - 1
        for at in range(0, len(body), size):
            last = PART_LAST | flags if at + size >= len(body) else 0
            part = bytes([number_of(name)]) + body[at : at + size]
            self.frame(number_of("PART"), part, last)

    def read(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            try:
                more = self.socket.recv(count - len(data))
            except ConnectionResetError:
                more = b""
            if not more:
                raise Gone
            data += more
        return data

    def hear(self) -> tuple[str, dict]:
        """The next message; those in parts are put together."""
        whole = b""
        while True:
            length, kind, flags, _ = struct.unpack(">IBBH", self.read(8))
            body = self.read(length)
            if TYPES[kind - 1] == "PART":
                whole += body[1:]
                if not flags & PART_LAST:
                    continue
                kind, body = body[0], whole
            if flags & COUNTED:
                self.heard = struct.unpack(">Q", body[:8])[0]
                body = body[8:]
            return TYPES[kind - 1], json.loads(body)

    def await_message(self, name: str) -> dict:
        """The next one of that type; PINGs are answered meanwhile."""
        while True:
            heard, payload = self.hear()
            if heard == "PING" and not payload.get("answer"):
                self.say("PING", {"answer": True})
            if heard == name:
                return payload

    def await_end(self) -> None:
        """Reads until the other side closes."""
        try:
            while True:
                self.hear()
        except Gone:
            pass

    def prove(self, token: str, name: str = "liar", slots: int = 1, **more: object) -> None:
        self.say("HELLO", {"protocol": 1, "nonce": NONCE})
        challenge = self.await_message("CHALLENGE")
        assert challenge["proof"] == proof(token, "coordinator", NONCE, challenge["nonce"])
        claim = {
            "proof": proof(token, "agent", NONCE, challenge["nonce"]),
            "name": name,
            "boot_id": f"boot of {name}",
            "slots": slots,
            "python": "",
            "pytest": "",
            "allow_mismatch": True,
        }
        self.say("PROOF", {**claim, **more})

    def join(self, token: str, name: str = "liar", slots: int = 1, **more: object) -> list[int]:
        """Its slots' numbers. It claims to have the coordinator's files."""
        self.prove(token, name, slots, **more)
        offer = self.await_message("CHECKOUT")
        self.say("CHECKOUT", {"digest": offer.get("digest", "")})
        self.welcome = self.await_message("WELCOME")
        return self.welcome["slots"]
