"""A TCP proxy that misbehaves on request: between a gateway and the broker, or the service and the broker."""

from __future__ import annotations

import asyncio
import contextlib
import random
import threading
from enum import StrEnum
from typing import Self

CHUNK = 4096
SLOW_BYTES_S = 8_000.0  # 64 kbit/s
SEGMENT, LOSS, TIMER_S = 1460, 0.2, 0.2


class Road(StrEnum):
    """How the road is. CUT: nobody gets through, who is on it is thrown off; HOLE: what is sent vanishes
    while the connection stands; HALF: what is said to the broker arrives, what it answers vanishes; SLOW: 64
    kbit/s in each direction; LAGGY: everything half a second late; LOSSY: a fifth of the segments is lost, as
    an application sees it: nothing is missing, but it comes after timers that double."""

    OPEN = "open"
    CUT = "cut"
    HOLE = "hole"
    HALF = "half"
    SLOW = "slow"
    LAGGY = "laggy"
    LOSSY = "lossy"


class FaultProxy:
    """Forwards from a free loopback port to `target`. Use as a context manager; set `road` at any time."""

    def __init__(self, target: int) -> None:
        self.port = 0
        self._target = target
        self._road = Road.OPEN
        self._draw = random.Random(7)
        self._writers: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run, name="fault proxy", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._started.wait(10):
            raise RuntimeError("the proxy does not listen")
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    @property
    def road(self) -> Road:
        return self._road

    @road.setter
    def road(self, road: Road) -> None:
        self._road = road
        if road is Road.CUT:
            self.reset()

    def reset(self) -> None:
        """Throw everybody off; they may come again at once."""
        self._loop.call_soon_threadsafe(self._throw_off)

    def _throw_off(self) -> None:
        for writer in list(self._writers):
            writer.transport.abort()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.port = server.sockets[0].getsockname()[1]
        self._started.set()
        self._loop.run_forever()
        server.close()
        self._throw_off()
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self._loop.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            if self._road is Road.CUT:
                return
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
            self._writers.add(far_writer)
            try:
                ways = [self._forward(reader, far_writer), self._forward(far_reader, writer, answers=True)]
                tasks = [asyncio.ensure_future(way) for way in ways]
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
            finally:
                self._close(far_writer)
        except (OSError, asyncio.CancelledError):
            return  # the broker is not there, or the proxy ends: the caller sees a closed connection
        finally:
            self._close(writer)

    def _close(self, writer: asyncio.StreamWriter) -> None:
        self._writers.discard(writer)
        with contextlib.suppress(OSError):
            writer.close()

    async def _forward(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, answers: bool = False
    ) -> None:
        while data := await reader.read(CHUNK):
            if self._road is Road.HOLE or (self._road is Road.HALF and answers):
                continue
            if self._road is Road.SLOW:
                await asyncio.sleep(len(data) / SLOW_BYTES_S)
            elif self._road is Road.LAGGY:
                await asyncio.sleep(0.5)
            elif self._road is Road.LOSSY:
                await asyncio.sleep(_lossy_s(len(data), self._draw))
            writer.write(data)
            await writer.drain()


def _lossy_s(size: int, draw: random.Random) -> float:
    """How late so many bytes come when each segment, and each repetition of it, may be lost [s]."""
    late = 0.0
    for _ in range(0, size, SEGMENT):
        timer = TIMER_S
        while draw.random() < LOSS:
            late += timer
            timer *= 2
    return late
