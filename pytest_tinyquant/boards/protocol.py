r"""Decoder of the firmware's line protocol.

A protocol line is ``#<seq> <TYPE> <payload> <crc>\n``: ``seq`` counts up from 0000 (hex),
``crc`` is the CRC-32 of everything between the ``#`` and the blank before the CRC. Every other
line is the device's own log. The decoder is strict: a value is accepted only from a line whose
CRC holds, whose number is the next one and whose content fits the ``HELLO`` before it. Anything
else raises :class:`ConsoleError` with what is wrong and where.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from dataclasses import field

from pytest_tinyquant.boards.clock import Clock
from pytest_tinyquant.errors import ConsoleError


PROTOCOL_VERSION = 1
MAX_LINE_BYTES = 4096

_LINE = re.compile(rb"#([0-9a-f]{4}) ([A-Z]+)(?: (.*))? ([0-9a-f]{8})", re.DOTALL)
_HELLO = re.compile(
    r"tq=(\d+) image=([0-9a-f]{16}) board=(\S+) unit=(instructions|cycles)"
    r" ops=(\d+) samples=(\d+) outputs=(\d+)(?: repeats=(\d+))?"
)
_CLOCK = re.compile(
    r"hz=(\d+) cycles=(\d+) ticks=(\d+) reference=(\d+) loop=(\d+) low=(\d+) high=(\d+)"
    r" optimized=(speed|size|none)"
)
# Which registers there are depends on the core.
_FAULT = re.compile(r"exc=(\d+)((?: [a-z0-9]+=[0-9a-f]{8}){3,}) op=(-?\d+)")
_FAULT_START = re.compile(rb"#[0-9a-f]{4} FAULT ")


@dataclass(frozen=True)
class Hello:
    """The first line of a run: what the firmware is and what it is going to send.

    :param repeats: further runs on sample 0, with a CLOCK line before; 0 where counts are exact.
    """

    image_id: str
    board: str
    unit: str
    ops: int
    samples: int
    output_bytes: int
    repeats: int = 0


@dataclass(frozen=True)
class Fault:
    """What the firmware's fault handler saw; ``op`` is -1 outside of ``tq_invoke``."""

    exception: int
    registers: dict[str, int]
    op: int


@dataclass
class Transcript:
    """Everything received so far; complete when :attr:`Decoder.finished` is true."""

    hello: Hello | None = None
    outputs: list[bytearray] = field(default_factory=list)
    clock: Clock | None = None
    run_counts: list[int] = field(default_factory=list)
    repeat_counts: list[int] = field(default_factory=list)
    op_counts: list[int] = field(default_factory=list)
    profiled: int | None = None
    stack: tuple[int, int] | None = None
    guard: str | None = None
    fault: Fault | None = None
    log: list[str] = field(default_factory=list)


class Decoder:
    """Turns the console's bytes into a :class:`Transcript`.

    :param where: the board, for messages.
    """

    def __init__(self, where: str) -> None:
        self.transcript = Transcript()
        self.finished = False
        self._where = where
        self._buffer = bytearray()
        self._next_seq = 0
        self._suspect = ""
        self._handlers: dict[str, Callable[[str], None]] = {
            "HELLO": self._hello,
            "OUT": self._out,
            "CLOCK": self._clock,
            "RUN": self._run,
            "REPEAT": self._repeat,
            "OP": self._op,
            "PROFILED": self._profiled,
            "STACK": self._stack,
            "GUARD": self._guard,
            "END": self._end,
        }

    @property
    def lines(self) -> int:
        """Number of protocol lines accepted so far."""
        return self._next_seq

    @property
    def suspect(self) -> str:
        """The last line that looks like a garbled protocol line; empty if none does."""
        return self._suspect

    def feed(self, data: bytes) -> None:
        """Decode ``data``, which may end in the middle of a line.

        :raises ConsoleError: a line was lost, doubled, garbled or says what cannot be.
        """
        self._buffer += data
        while (end := self._buffer.find(b"\n")) >= 0:
            line = bytes(self._buffer[:end])
            del self._buffer[: end + 1]
            self._line(line)
        if len(self._buffer) > MAX_LINE_BYTES:
            self._log(bytes(self._buffer))
            self._buffer.clear()

    def log_text(self, *, tail: int | None = None) -> str:
        """Return the device's log, or its last ``tail`` lines, with an unfinished last line."""
        lines = self.transcript.log + ([_printable(bytes(self._buffer))] if self._buffer else [])
        return "\n".join(lines if tail is None else lines[-tail:])

    def _line(self, line: bytes) -> None:
        fault = _FAULT_START.search(line)
        if fault is not None and fault.start() > 0:  # the fault cut another line short
            self._log(line[: fault.start()])
            line = line[fault.start() :]
        match = _LINE.fullmatch(line) if len(line) <= MAX_LINE_BYTES else None
        if match is None:
            self._log(line)
            return
        seq, kind = int(match[1], 16), match[2].decode("ascii")
        if zlib.crc32(line[1:-9]) != int(match[4], 16):
            raise self._error(f"line {match[1].decode()} is garbled (CRC-32 differs)", line)
        payload = _printable(match[3] or b"")
        if kind == "FAULT":  # trusted wherever it comes: the device stopped
            self._fault(payload)
            return
        if self.finished:
            raise self._error("a line follows the last one", line)
        self._check_sequence(seq, kind, line)
        handler = self._handlers.get(kind)
        if handler is None:
            raise self._error(f"unknown line type {kind}", line)
        handler(payload)
        self._next_seq += 1

    def _check_sequence(self, seq: int, kind: str, line: bytes) -> None:
        expected = self._next_seq & 0xFFFF
        if seq == expected:
            if (kind == "HELLO") != (self._next_seq == 0):
                raise self._error(f"{kind} cannot be line {seq:04x}", line)
            return
        if kind == "HELLO" and seq == 0:
            raise self._error(f"the device restarted after {self._next_seq} lines", line)
        if (expected - seq) & 0xFFFF <= 0x7FFF:
            raise self._error(f"line {seq:04x} came again, expected {expected:04x}", line)
        lost = f"expected line {expected:04x}, got {seq:04x}: {(seq - expected) & 0xFFFF} lost"
        raise self._error(lost + (f" (seen: {self._suspect!r})" if self._suspect else ""), line)

    def _hello(self, payload: str) -> None:
        match = _HELLO.fullmatch(payload)
        if match is None:
            raise self._error("HELLO cannot be read", payload)
        if int(match[1]) != PROTOCOL_VERSION:
            raise self._error(
                f"the firmware speaks protocol {match[1]}, this is {PROTOCOL_VERSION}", payload
            )
        ops, samples, size, repeats = (int(match[group] or 0) for group in (5, 6, 7, 8))
        self.transcript.hello = Hello(match[2], match[3], match[4], ops, samples, size, repeats)

    def _clock(self, payload: str) -> None:
        match = _CLOCK.fullmatch(payload)
        if match is None or self.transcript.clock is not None:
            raise self._error("CLOCK cannot be read or came twice", payload)
        numbers = (int(match[group]) for group in range(1, 8))
        self.transcript.clock = Clock(*numbers, optimized=match[8])

    def _out(self, payload: str) -> None:
        match = re.fullmatch(r"(\d+) (\d+) ((?:[0-9a-f]{2}){1,64})", payload)
        if match is None:
            raise self._error("OUT cannot be read", payload)
        sample, offset, data = int(match[1]), int(match[2]), bytes.fromhex(match[3])
        hello, outputs = self._announced(), self.transcript.outputs
        if sample == len(outputs) and offset == 0:
            outputs.append(bytearray())
        if sample != len(outputs) - 1 or offset != len(outputs[-1]):
            raise self._error("OUT does not continue the output before it", payload)
        outputs[-1] += data
        if sample >= hello.samples or len(outputs[-1]) > hello.output_bytes:
            raise self._error("OUT goes beyond what HELLO announced", payload)

    def _run(self, payload: str) -> None:
        self._indexed(payload, "RUN", self.transcript.run_counts, self._announced().samples)

    def _repeat(self, payload: str) -> None:
        counts = self.transcript.repeat_counts
        self._indexed(payload, "REPEAT", counts, self._announced().repeats)

    def _op(self, payload: str) -> None:
        self._indexed(payload, "OP", self.transcript.op_counts, self._announced().ops)

    def _indexed(self, payload: str, kind: str, counts: list[int], limit: int) -> None:
        index, count = self._numbers(kind, payload, 2)
        if index != len(counts) or index >= limit:
            raise self._error(f"{kind} {index} does not follow {kind} {len(counts) - 1}", payload)
        counts.append(count)

    def _profiled(self, payload: str) -> None:
        (self.transcript.profiled,) = self._numbers("PROFILED", payload, 1)

    def _stack(self, payload: str) -> None:
        used, reserved = self._numbers("STACK", payload, 2)
        self.transcript.stack = (used, reserved)

    def _guard(self, payload: str) -> None:
        if not payload:
            raise self._error("GUARD cannot be read", payload)
        self.transcript.guard = payload

    def _end(self, payload: str) -> None:
        (count,) = self._numbers("END", payload, 1)
        if count != self._next_seq:
            raise self._error(f"END counts {count} lines, {self._next_seq} came", payload)
        hello, got = self._announced(), self.transcript
        complete = [output for output in got.outputs if len(output) == hello.output_bytes]
        for what, have, want in (
            ("complete OUT", len(complete), hello.samples),
            ("RUN", len(got.run_counts), hello.samples),
            ("CLOCK", int(got.clock is not None), int(hello.repeats > 0)),
            ("REPEAT", len(got.repeat_counts), hello.repeats),
            ("OP", len(got.op_counts), hello.ops),
            ("PROFILED", int(got.profiled is not None), 1),
            ("STACK", int(got.stack is not None), 1),
            ("GUARD", int(got.guard is not None), 1),
        ):
            if have != want:
                raise self._error(f"END after {have} of {want} {what}", payload)
        self.finished = True

    def _fault(self, payload: str) -> None:
        match = _FAULT.fullmatch(payload)
        if match is None:
            raise self._error("FAULT cannot be read", payload)
        pairs = (pair.partition("=") for pair in match[2].split())
        registers = {name: int(value, 16) for name, _, value in pairs}
        self.transcript.fault = Fault(int(match[1]), registers, int(match[3]))
        self.finished = True

    def _announced(self) -> Hello:
        hello = self.transcript.hello
        assert hello is not None, "the sequence check lets nothing come before HELLO"
        return hello

    def _numbers(self, kind: str, payload: str, count: int) -> tuple[int, ...]:
        if re.fullmatch(" ".join([r"[0-9]+"] * count), payload) is None:
            raise self._error(f"{kind} cannot be read", payload)
        return tuple(int(word) for word in payload.split(" "))

    def _log(self, line: bytes) -> None:
        text = _printable(line)
        if "#" in text:
            self._suspect = text[:120]
        self.transcript.log.append(text)

    def _error(self, what: str, line: bytes | str) -> ConsoleError:
        text = _printable(line) if isinstance(line, bytes) else line
        return ConsoleError(
            f"{self._where}: {what}\n  line: {text[:160]!r}\n  after {self._next_seq} good lines;"
            " check the cable, the baud rate and that nothing else reads this port"
        )


def encode(seq: int, kind: str, payload: str = "") -> bytes:
    """Encode one protocol line, as the firmware does."""
    body = f"{seq & 0xFFFF:04x} {kind} {payload}".rstrip(" ").encode("ascii")
    return b"#" + body + f" {zlib.crc32(body):08x}\n".encode("ascii")


def _printable(line: bytes) -> str:
    return line.rstrip(b"\r").decode("ascii", errors="backslashreplace")
