r"""Decoder of the firmware's line protocol.

A protocol line is ``#<seq> <TYPE> <payload> <crc>\n``: ``seq`` counts up from 0000 (hex),
``crc`` is the CRC-32 of everything between the ``#`` and the blank before the CRC. Every other
line is the device's own log. The decoder is strict: a value is accepted only from a line whose
CRC holds, whose number is the next one and whose content fits the lines before it. Anything
else raises :class:`ConsoleError` with what is wrong and where: a :class:`TransferError` if that
may have happened on the way, so that another run may go well.
"""

from __future__ import annotations

import re
import string
import zlib
from typing import Final

from pytest_tinyquant.boards.console.transcript import ContentError
from pytest_tinyquant.boards.console.transcript import Transcript
from pytest_tinyquant.errors import ConsoleError


MAX_LINE_BYTES: Final = 4096

_LINE = re.compile(rb"#([0-9a-f]{4}) ([A-Z]+)(?: (.*))? ([0-9a-f]{8})", re.DOTALL)
_TEXT: Final = string.printable.encode("ascii")
_ESCAPED: Final = {code: f"\\x{code:02x}" for code in (*range(9), *range(10, 32), 127)}
_UNREADABLE_SHARE: Final = 0.1
"""From this share of bytes beyond ASCII on it is no text; a wrong baud rate makes a larger one."""


class TransferError(ConsoleError):
    """Bytes were lost, changed or repeated on the way from the device."""


class RestartError(ConsoleError):
    """The device started anew in the middle of a run.

    :param lines: protocol lines that came before.
    """

    def __init__(self, message: str, *, lines: int) -> None:
        super().__init__(message)
        self.lines = lines


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
        self._received = 0
        self._beyond_text = 0

    @property
    def lines(self) -> int:
        """Number of protocol lines accepted so far."""
        return self._next_seq

    @property
    def suspect(self) -> str:
        """The last line that looks like a garbled protocol line; empty if none does."""
        return self._suspect

    @property
    def unreadable(self) -> str:
        """Why nothing so far can be read as text, in words; empty if it can."""
        if self._next_seq or self._beyond_text <= self._received * _UNREADABLE_SHARE:
            return ""
        return f"{self._beyond_text} of {self._received} bytes are no text"

    def feed(self, data: bytes) -> None:
        """Decode ``data``, which may end in the middle of a line.

        What follows the run's last line is log, whatever it looks like.

        :raises TransferError: a line was lost, doubled or garbled.
        :raises RestartError: the device started anew.
        :raises ConsoleError: a line says what cannot be.
        """
        self._received += len(data)
        self._beyond_text += len(data.translate(None, _TEXT))
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
        lines = [*self.transcript.log]
        if self._buffer:
            lines.append(_printable(bytes(self._buffer)))
        return "\n".join(lines if tail is None else lines[-tail:])

    def _line(self, line: bytes) -> None:
        # No payload has a "#": what stands before the last one is noise, or a line cut short.
        start = max(line.rfind(b"#"), 0)
        match = None
        if not self.finished and len(line) - start <= MAX_LINE_BYTES:
            match = _LINE.fullmatch(line, start)
        if match is None:
            self._log(line)
            return
        if start > 0:
            self._log(line[:start])
            line = line[start:]
        if zlib.crc32(line[1:-9]) != int(match[4], 16):
            raise self._damage(f"line {match[1].decode()} is garbled (CRC-32 differs)", line)
        self._accept(int(match[1], 16), match[2].decode("ascii"), line, match[3] or b"")

    def _accept(self, seq: int, kind: str, line: bytes, payload: bytes) -> None:
        if kind != "FAULT":  # which is trusted wherever it comes: the device stopped
            self._check_sequence(seq, kind, line)
        try:
            self.transcript.add(kind, _printable(payload), self._next_seq)
        except ContentError as error:
            raise self._error(str(error), line) from error
        self._next_seq += kind != "FAULT"
        self.finished = kind in ("END", "FAULT")

    def _check_sequence(self, seq: int, kind: str, line: bytes) -> None:
        expected = self._next_seq & 0xFFFF
        if seq == expected:
            if (kind == "HELLO") != (self._next_seq == 0):
                raise self._error(f"{kind} cannot be line {seq:04x}", line)
            return
        if kind == "HELLO" and seq == 0:
            raise RestartError(
                f"{self._where}: the device restarted after {self._next_seq} lines",
                lines=self._next_seq,
            )
        if (expected - seq) & 0xFFFF <= 0x7FFF:
            raise self._damage(f"line {seq:04x} came again, expected {expected:04x}", line)
        lost = f"expected line {expected:04x}, got {seq:04x}: {(seq - expected) & 0xFFFF} lost"
        raise self._damage(lost + (f" (seen: {self._suspect!r})" if self._suspect else ""), line)

    def _log(self, line: bytes) -> None:
        text = _printable(line)
        if "#" in text and not self.finished:
            self._suspect = text[:120]
        self.transcript.log.append(text)

    def _damage(self, what: str, line: bytes) -> TransferError:
        return TransferError(
            self._place(what, line)
            + "; check the cable, the baud rate and that nothing else reads this port"
        )

    def _error(self, what: str, line: bytes) -> ConsoleError:
        return ConsoleError(
            self._place(what, line)
            + "; it came as it was sent (CRC-32 right), so the firmware is not one that this"
            " version of pytest-tinyquant builds"
        )

    def _place(self, what: str, line: bytes) -> str:
        text = _printable(line)[:160]
        return f"{self._where}: {what}\n  line: {text!r}\n  after {self._next_seq} good lines"


def encode(seq: int, kind: str, payload: str = "") -> bytes:
    """Encode one protocol line, as the firmware does."""
    body = f"{seq & 0xFFFF:04x} {kind} {payload}".rstrip(" ").encode("ascii")
    return b"#" + body + f" {zlib.crc32(body):08x}\n".encode("ascii")


def _printable(line: bytes) -> str:
    """Return a line as text that is harmless to a terminal."""
    return line.rstrip(b"\r").decode("ascii", errors="backslashreplace").translate(_ESCAPED)
