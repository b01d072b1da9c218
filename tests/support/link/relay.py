"""A bad link: a relay between agents and a coordinator that does as it is told.

usage: relay.py HOST PORT

Listens at a free port of 127.0.0.1 ("listening at PORT") and passes on to
HOST:PORT. Takes commands, a line each, and answers each with "done":

  delay MS [JITTER_MS]  each way, from now on
  rate BYTES_A_SECOND   each way and connection; 0: as fast as it goes
  stall                 nothing passes, nothing is lost
  swallow               half-open: what is said is lost, no end is passed on,
                        and so for good for the connections of that time
  go                    the end of stall and swallow
  cut                   closes both ends of every connection

It ends at the end of its input.
"""

from __future__ import annotations

import asyncio
import random
import sys
from dataclasses import dataclass, field

PIECE = 65536
AHEAD = 64  # pieces that are on their way; then the sender waits


@dataclass(eq=False)
class Pair:
    """One connection, and ours to the coordinator for it."""

    writers: tuple[asyncio.StreamWriter, asyncio.StreamWriter]
    swallowed: bool

    def close(self) -> None:
        for writer in self.writers:
            writer.close()


@dataclass
class Link:
    host: str
    port: int
    delay_s: float = 0
    jitter_s: float = 0
    rate: int = 0
    swallows: bool = False
    flows: asyncio.Event = field(default_factory=asyncio.Event)
    pairs: set[Pair] = field(default_factory=set)

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            other_reader, other_writer = await asyncio.open_connection(self.host, self.port)
        except OSError:
            writer.close()
            return
        pair = Pair((writer, other_writer), self.swallows)
        self.pairs.add(pair)
        try:
            await asyncio.gather(
                self.carry(pair, reader, other_writer), self.carry(pair, other_reader, writer)
            )
        finally:
            pair.close()
            self.pairs.discard(pair)

    async def carry(
        self, pair: Pair, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """One way, until its end has been passed on."""
        under_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(AHEAD)
        delivery = asyncio.create_task(self.deliver(pair, under_way, writer))
        clock = asyncio.get_running_loop()
        due, data = 0.0, b"?"
        while data:
            try:
                data = await reader.read(PIECE)
            except OSError:
                data = b""
            late = self.delay_s + random.uniform(-self.jitter_s, self.jitter_s)
            due = max(due, clock.time() + late)  # nothing overtakes
            await under_way.put((due, data))
        await delivery

    async def deliver(
        self,
        pair: Pair,
        under_way: asyncio.Queue[tuple[float, bytes]],
        writer: asyncio.StreamWriter,
    ) -> None:
        clock = asyncio.get_running_loop()
        data = b"?"
        while data:
            due, data = await under_way.get()
            await asyncio.sleep(due - clock.time())
            await self.flows.wait()
            if pair.swallowed:
                continue
            try:
                if not data:
                    writer.close()
                    return
                writer.write(data)
                await writer.drain()
            except OSError:
                pass  # its reader ends, too
            if self.rate:
                await asyncio.sleep(len(data) / self.rate)

    def swallow(self) -> None:
        self.swallows = True
        for pair in self.pairs:
            pair.swallowed = True

    def cut(self) -> None:
        for pair in self.pairs:
            pair.close()

    def obey(self, verb: str, *numbers: str) -> None:
        if verb == "delay":
            self.delay_s, self.jitter_s = (int(n) / 1000 for n in (*numbers, "0")[:2])
        elif verb == "rate":
            self.rate = int(numbers[0])
        elif verb == "stall":
            self.flows.clear()
        elif verb == "swallow":
            self.swallow()
        elif verb == "go":
            self.swallows = False
            self.flows.set()
        elif verb == "cut":
            self.cut()
        else:
            raise SystemExit(f"relay.py: no command '{verb}'")


async def main(host: str, port: str) -> None:
    link = Link(host, int(port))
    link.flows.set()
    server = await asyncio.start_server(link.take, "127.0.0.1", 0)
    print("listening at", server.sockets[0].getsockname()[1], flush=True)
    orders = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(orders), sys.stdin
    )
    while line := await orders.readline():
        link.obey(*line.decode().split())
        print("done", flush=True)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
