"""What the protocol lines of one run say, checked against each other as they come."""

from __future__ import annotations

import re
import time
from collections import deque
from collections.abc import Callable
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from typing import Final

from pytest_tinyquant.boards.clock import Clock


PROTOCOL_VERSION: Final = 1
MAX_LOG_LINES: Final = 10_000
"""Of a device that never stops talking, so many last lines are kept in memory."""

# Up to the largest number of 64 bits: the firmware has no others.
_NUMBER = r"[0-9]{1,20}"
_N = f"({_NUMBER})"
_HELLO = re.compile(
    rf"tq={_N} image=([0-9a-f]{{16}}) board=(\S+) unit=(instructions|cycles)"
    rf" ops={_N} samples={_N} outputs={_N}(?: repeats={_N}( clock=none)?)?(?: windows={_N})?"
)
_CLOCK = re.compile(
    rf"hz={_N} cycles={_N} ticks={_N} reference={_N} loop={_N} low={_N} high={_N}"
    r" optimized=(speed|size|none)"
)
_POWER = re.compile(rf"{_N} (?:(idle|busy)|end {_N} {_N})")
_OUT = re.compile(rf"{_N} {_N} ((?:[0-9a-f]{{2}}){{1,64}})")
# Which registers there are depends on the core.
_FAULT = re.compile(rf"exc={_N}((?: [a-z0-9]+=[0-9a-f]{{8}}){{3,}}) op=(-?{_NUMBER})")


class ContentError(ValueError):
    """A line came whole and in turn, but says what cannot be."""


@dataclass(frozen=True)
class Hello:
    """The first line of a run: what the firmware is and what it is going to send.

    :param repeats: further runs on sample 0; 0 where counts are exact.
    :param has_clock: a CLOCK line comes before the repeats; else nothing is known of the clock.
    :param windows: so often the firmware idles and then runs the model over and over, for a power
        meter.
    """

    image_id: str
    board: str
    unit: str
    ops: int
    samples: int
    output_bytes: int
    repeats: int = 0
    has_clock: bool = True
    windows: int = 0


@dataclass(frozen=True)
class MarkedWindow:
    """What the firmware did for a power meter; times are those at which its marks arrived.

    :param idle_from: seconds of :func:`time.monotonic` from which the core slept.
    :param busy_from: until when it slept, and from when it ran the model.
    :param until: when it was done with that.
    :param runs: how often it ran the model.
    :param counts: instructions or cycles of all these runs.
    """

    idle_from: float
    busy_from: float
    until: float
    runs: int
    counts: int


@dataclass(frozen=True)
class FaultLine:
    """What the firmware's fault handler saw; ``op`` is -1 outside of ``tq_invoke``."""

    exception: int
    registers: dict[str, int]
    op: int


@dataclass
class Transcript:
    """Everything received so far; complete once an ``END`` or a ``FAULT`` was added.

    :param marks: when the marks of the window that is not yet at its end arrived.
    :param now: tells the time of a mark.
    """

    hello: Hello | None = None
    outputs: list[bytearray] = field(default_factory=list)
    clock: Clock | None = None
    run_counts: list[int] = field(default_factory=list)
    repeat_counts: list[int] = field(default_factory=list)
    op_counts: list[int] = field(default_factory=list)
    windows: list[MarkedWindow] = field(default_factory=list)
    marks: list[float] = field(default_factory=list)
    now: Callable[[], float] = time.monotonic
    profiled: int | None = None
    stack: tuple[int, int] | None = None
    arena: int | None = None
    guard: str | None = None
    fault: FaultLine | None = None
    log: deque[str] = field(default_factory=lambda: deque(maxlen=MAX_LOG_LINES))

    def add(self, kind: str, payload: str, lines: int) -> None:
        """Add what a line says.

        :param lines: number of protocol lines before it.
        :raises ContentError: it does not fit what came before.
        """
        handler = _HANDLERS.get(kind)
        if handler is None:
            raise ContentError(f"unknown line type {kind}")
        handler(self, payload, lines)

    def _hello(self, payload: str, _: int) -> None:
        match = _HELLO.fullmatch(payload)
        if match is None:
            raise ContentError("HELLO cannot be read")
        if int(match[1]) != PROTOCOL_VERSION:
            raise ContentError(f"the firmware speaks protocol {match[1]}, this {PROTOCOL_VERSION}")
        ops, samples, size, repeats = (int(match[group] or 0) for group in (5, 6, 7, 8))
        board, unit, windows = match[3], match[4], int(match[10] or 0)
        self.hello = Hello(
            match[2], board, unit, ops, samples, size, repeats, not match[9], windows
        )

    def _clock(self, payload: str, _: int) -> None:
        match = _CLOCK.fullmatch(payload)
        if match is None or self.clock is not None:
            raise ContentError("CLOCK cannot be read or came twice")
        hz, cycles, ticks, ticks_hz, loop, low, high = (int(match[n]) for n in range(1, 8))
        self.clock = Clock(hz, cycles, ticks, ticks_hz, loop, low, high, match[8])

    def _out(self, payload: str, _: int) -> None:
        match = _OUT.fullmatch(payload)
        if match is None:
            raise ContentError("OUT cannot be read")
        sample, offset, data = int(match[1]), int(match[2]), bytes.fromhex(match[3])
        hello = self._announced()
        if sample == len(self.outputs) and offset == 0:
            self.outputs.append(bytearray())
        if sample != len(self.outputs) - 1 or offset != len(self.outputs[-1]):
            raise ContentError("OUT does not continue the output before it")
        self.outputs[-1] += data
        if sample >= hello.samples or len(self.outputs[-1]) > hello.output_bytes:
            raise ContentError("OUT goes beyond what HELLO announced")

    def _run(self, payload: str, _: int) -> None:
        _append("RUN", payload, self.run_counts, self._announced().samples)

    def _repeat(self, payload: str, _: int) -> None:
        _append("REPEAT", payload, self.repeat_counts, self._announced().repeats)

    def _power(self, payload: str, _: int) -> None:
        match = _POWER.fullmatch(payload)
        kinds = ("idle", "busy", None)
        expected = (len(self.windows), kinds[len(self.marks)])
        if match is None or (int(match[1]), match[2]) != expected:
            raise ContentError("POWER cannot be read or does not follow the mark before it")
        if len(self.windows) >= self._announced().windows:
            raise ContentError("POWER goes beyond what HELLO announced")
        self.marks.append(self.now())
        if match[2] is None:
            slept, ran, ended = self.marks
            self.windows.append(MarkedWindow(slept, ran, ended, int(match[3]), int(match[4])))
            self.marks.clear()

    def _op(self, payload: str, _: int) -> None:
        _append("OP", payload, self.op_counts, self._announced().ops)

    def _profiled(self, payload: str, _: int) -> None:
        (self.profiled,) = _numbers("PROFILED", payload, 1)

    def _stack(self, payload: str, _: int) -> None:
        used, reserved = _numbers("STACK", payload, 2)
        self.stack = (used, reserved)

    def _arena(self, payload: str, _: int) -> None:
        (self.arena,) = _numbers("ARENA", payload, 1)

    def _guard(self, payload: str, _: int) -> None:
        if not payload:
            raise ContentError("GUARD cannot be read")
        self.guard = payload

    def _end(self, payload: str, lines: int) -> None:
        (count,) = _numbers("END", payload, 1)
        if count != lines:
            raise ContentError(f"END counts {count} lines, {lines} came")
        hello = self._announced()
        complete = [output for output in self.outputs if len(output) == hello.output_bytes]
        for what, have, want in (
            ("complete OUT", len(complete), hello.samples),
            ("RUN", len(self.run_counts), hello.samples),
            ("CLOCK", int(self.clock is not None), int(hello.repeats > 0 and hello.has_clock)),
            ("REPEAT", len(self.repeat_counts), hello.repeats),
            ("POWER", len(self.windows), hello.windows),
            ("OP", len(self.op_counts), hello.ops),
            ("PROFILED", int(self.profiled is not None), 1),
            ("STACK", int(self.stack is not None), 1),
            ("GUARD", int(self.guard is not None), 1),
        ):
            if have != want:
                raise ContentError(f"END after {have} of {want} {what}")

    def _fault(self, payload: str, _: int) -> None:
        match = _FAULT.fullmatch(payload)
        if match is None:
            raise ContentError("FAULT cannot be read")
        pairs = (pair.partition("=") for pair in match[2].split())
        registers = {name: int(value, 16) for name, _, value in pairs}
        self.fault = FaultLine(int(match[1]), registers, int(match[3]))

    def _announced(self) -> Hello:
        assert self.hello is not None, "the sequence check lets nothing come before HELLO"
        return self.hello


_HANDLERS: Final[Mapping[str, Callable[[Transcript, str, int], None]]] = {
    "HELLO": Transcript._hello,
    "OUT": Transcript._out,
    "CLOCK": Transcript._clock,
    "RUN": Transcript._run,
    "REPEAT": Transcript._repeat,
    "POWER": Transcript._power,
    "OP": Transcript._op,
    "PROFILED": Transcript._profiled,
    "STACK": Transcript._stack,
    "ARENA": Transcript._arena,
    "GUARD": Transcript._guard,
    "END": Transcript._end,
    "FAULT": Transcript._fault,
}


def _append(kind: str, payload: str, counts: list[int], limit: int) -> None:
    index, count = _numbers(kind, payload, 2)
    if index != len(counts) or index >= limit:
        raise ContentError(f"{kind} {index} does not follow {kind} {len(counts) - 1}")
    counts.append(count)


def _numbers(kind: str, payload: str, count: int) -> tuple[int, ...]:
    if re.fullmatch(" ".join([_NUMBER] * count), payload) is None:
        raise ContentError(f"{kind} cannot be read")
    return tuple(int(word) for word in payload.split(" "))
