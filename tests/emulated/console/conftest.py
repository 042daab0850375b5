"""A serial line that does damage, between a device and the console that reads it.

The pseudo terminal and pyserial are real. Time is not: when nothing more is going to come, a read
returns at once, as if its time limit were over, so that a thousand faults take seconds and no
outcome depends on the load of the machine.
"""

from __future__ import annotations

import os
import random
import tty
from collections import deque
from collections.abc import Callable
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from pathlib import Path

import pytest

from pytest_tinyquant.boards.console.console import SerialConsole


READS_AT_MOST = 100_000
UNREAD_AT_MOST = 1000
"""Bytes on their way to the reader; a pseudo terminal holds 4096."""

BITS_PER_FRAME = 10  # start bit, eight data bits, stop bit
BAUD_RATE = 115_200
WRONG_BAUD_RATES = (9_600, 19_200, 38_400, 57_600, 230_400, 921_600)


@dataclass(frozen=True)
class Silence:
    """Nothing for longer than the reader waits.

    :param in_flight: what follows has left the device, so that it comes even if that is reset.
    """

    in_flight: bool = False


@dataclass(frozen=True)
class Unplugged:
    """The port goes away, and perhaps comes back under another number."""

    comes_back: bool


Event = bytes | Silence | Unplugged


def drop(data: bytes, rng: random.Random) -> list[Event]:
    at = rng.randrange(len(data))
    return [data[:at], data[at + rng.choice((1, 2, 8, 64, 300)) :]]


def flip(data: bytes, rng: random.Random) -> list[Event]:
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 5))):
        changed[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return [bytes(changed)]


def duplicate(data: bytes, rng: random.Random) -> list[Event]:
    if rng.random() < 0.5:
        lines = data.splitlines(keepends=True)
        at = rng.randrange(len(lines))
        return [b"".join([*lines[: at + 1], *lines[at:]])]
    at, size = rng.randrange(len(data)), rng.choice((1, 3, 40, 200))
    return [data[: at + size], data[at:]]


def delay(data: bytes, rng: random.Random) -> list[Event]:
    at = rng.randrange(len(data))
    return [data[:at], Silence(), data[at:]]


def late(data: bytes, rng: random.Random) -> list[Event]:
    at = rng.randrange(len(data))
    return [data[:at], Silence(in_flight=True), data[at:]]


def mute(data: bytes, rng: random.Random) -> list[Event]:
    return [data[: rng.randrange(1, len(data))]]


def unplug(data: bytes, rng: random.Random) -> list[Event]:
    at = rng.randrange(len(data))
    return [data[:at], Unplugged(comes_back=False)]


def garbage(data: bytes, rng: random.Random) -> list[Event]:
    at = rng.choice((0, rng.randrange(len(data)), len(data)))
    return [data[:at], rng.randbytes(rng.choice((1, 5, 50, 3000))), data[at:]]


def reset(data: bytes, rng: random.Random) -> list[Event]:
    return [data[: rng.randrange(len(data))], data]


def replug(data: bytes, rng: random.Random) -> list[Event]:
    at = rng.randrange(len(data))
    return [data[:at], Unplugged(comes_back=True)]


def wrong_baud_rate(data: bytes, rng: random.Random) -> list[Event]:
    return [resampled(data, rng.choice(WRONG_BAUD_RATES) / BAUD_RATE)]


DAMAGES: dict[str, Callable[[bytes, random.Random], list[Event]]] = {
    damage.__name__: damage
    for damage in (
        *(drop, flip, duplicate, garbage, delay, late, mute, unplug, replug, reset),
        wrong_baud_rate,
    )
}


def resampled(data: bytes, ratio: float) -> bytes:
    """Return what a UART at ``ratio`` times the sender's rate receives, 8N1."""
    wave = [bit for byte in data for bit in (0, *((byte >> i) & 1 for i in range(8)), 1)]
    wave += [1] * BITS_PER_FRAME

    def level(time: float) -> int:
        return wave[int(time)] if time < len(wave) else 1

    received, time, step = bytearray(), 0.0, 1 / ratio
    while time < len(wave):
        if level(time) == 1:
            time = float(int(time) + 1)
            continue
        bits = [level(time + (1.5 + i) * step) for i in range(8)]
        stop = time + 9.5 * step
        # A frame without a stop bit reaches the reader as a zero byte.
        received.append(sum(bit << i for i, bit in enumerate(bits)) if level(stop) else 0)
        time = stop
    return bytes(received)


@dataclass
class Line:
    """The line from a device to ``port``, which damages what goes over it.

    :param port: a link to the pseudo terminal that the reader opens.
    :param runs: what happens on it in each run of the device; the last one again and again.
    :param chunk: so many bytes at most are sent at once.
    """

    port: Path
    runs: Sequence[Sequence[Event]]
    chunk: int = 200
    started: int = 0
    reads: int = 0
    unread: int = 0
    connected: bool = False
    _events: deque[Event] = field(default_factory=deque)
    _in_flight: bool = False
    _master: int = -1

    @property
    def idle(self) -> bool:
        """Whether nothing is on the line, nor is going to be."""
        return not self._events and not self.unread

    def connect(self) -> None:
        self._master, slave = os.openpty()
        tty.setraw(slave)
        self.port.unlink(missing_ok=True)
        self.port.symlink_to(os.ttyname(slave))
        os.close(slave)
        self.connected = True

    def disconnect(self) -> None:
        if self.connected:
            os.close(self._master)
            self.port.unlink()
        self.connected, self.unread = False, 0

    def start(self) -> None:
        """Let the device run from its reset."""
        self.play(self.runs[min(self.started, len(self.runs) - 1)])
        self.started += 1

    def play(self, events: Sequence[Event]) -> None:
        """Put what is to happen on the line."""
        for event in events:
            if isinstance(event, bytes):
                starts = range(0, len(event), self.chunk)
                self._events.extend(event[start : start + self.chunk] for start in starts)
            else:
                self._events.append(event)

    def stop(self) -> None:
        """Hold the device; what it has not sent by then is never sent."""
        if self._in_flight:
            self._events.appendleft(Silence())
        else:
            self._events.clear()

    def pump(self) -> bool:
        """Send what comes next; tell whether the reader has something to wait for."""
        self.reads += 1
        assert self.reads < READS_AT_MOST, "the reader does not come to an end"
        while self._events and self.connected and self.unread < UNREAD_AT_MOST:
            if self.unread and not isinstance(self._events[0], bytes):
                break  # what was sent before is read before
            event = self._events.popleft()
            if isinstance(event, bytes):
                os.write(self._master, event)
                self.unread += len(event)
            elif isinstance(event, Silence):
                self._in_flight = event.in_flight
                break
            else:
                self.disconnect()
                if event.comes_back:
                    self.connect()
                return True
        return self.unread > 0 or not self.connected


class LineReader(SerialConsole):
    """The console at the end of a line; waits for nothing that is not going to come."""

    def __init__(self, line: Line) -> None:
        self._line = line
        super().__init__(str(line.port))

    def read(self, timeout: float) -> bytes:
        if not self._line.pump():
            return b""
        data = super().read(5.0)
        self._line.unread -= len(data)
        return data


@pytest.fixture
def line(tmp_path: Path) -> Callable[..., Line]:
    """Return a line that is plugged in; ``runs`` is what happens on it in each run."""

    def plugged_in(runs: Sequence[Sequence[Event]] = (), chunk: int = 200) -> Line:
        line = Line(tmp_path / "port", runs, chunk)
        line.connect()
        return line

    return plugged_in


@pytest.fixture(scope="session")
def line_reader() -> type[LineReader]:
    """The console at the end of a line."""
    return LineReader


@pytest.fixture(scope="session")
def damages() -> dict[str, Callable[[bytes, random.Random], list[Event]]]:
    """What can happen to a run's output on a line, by name."""
    return DAMAGES
