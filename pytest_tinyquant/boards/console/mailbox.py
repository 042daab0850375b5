"""The console of a board without a UART: a buffer in its RAM, emptied through the debugger.

The firmware (``firmware/port/mailbox``) writes a line into the buffer and calls one of two
functions in turn. A hardware breakpoint stops it there; the text is taken, the breakpoint moves to
the other function, and the core goes on. While a model is measured the probe does nothing.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Final

from pytest_tinyquant.boards.device import Debugger
from pytest_tinyquant.errors import BenchError
from pytest_tinyquant.errors import FlashError
from pytest_tinyquant.firmware.elf import Elf


_MAILBOX: Final = "tq_mailbox"
_TURN: Final = "tq_mailbox_turn"
_FULL: Final = ("tq_mailbox_full_0", "tq_mailbox_full_1")
_WORD: Final = 4
_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.0002, 0.02


class MailboxConsole:
    """The text that an image leaves in its mailbox.

    :param where: the board, for messages.
    :param debugger: of the board; the core is halted when :meth:`begin` is called.
    :param elf: the image that the board holds.
    :raises FlashError: the image has no mailbox.
    """

    def __init__(self, where: str, debugger: Debugger, elf: Path) -> None:
        image = Elf(elf)
        symbols = [image.symbol(name) for name in (_MAILBOX, _TURN, *_FULL)]
        found = [symbol for symbol in symbols if symbol is not None]
        if len(found) != len(symbols):
            raise FlashError(
                f"{where}: {elf.name} has no mailbox; it was built for a board with "
                'console = "uart": build it again'
            )
        mailbox, turn, *full = found
        self._where = where
        self._debugger = debugger
        self._mailbox, self._bytes = mailbox.address, mailbox.size - _WORD
        self._turn_address = turn.address
        self._full = [symbol.address & ~1 for symbol in full]
        self._turn: int | None = None

    def begin(self) -> None:
        """Wait for the first text of a core that is halted after its reset."""
        self._forget()
        self._turn = 0
        self._debugger.write(self._turn_address, bytes(_WORD))
        self._debugger.breakpoint(self._full[0])

    def read(self, timeout: float) -> bytes:
        """Return what the firmware wrote, at latest after ``timeout`` seconds.

        Empty if it wrote nothing, and when the core halted somewhere else.

        :raises BenchError: the debug link is gone, or what is in the mailbox cannot be.
        """
        deadline = time.monotonic() + max(timeout, 0.0)
        pause = _SHORTEST_PAUSE
        while True:
            state = self._debugger.state()
            if state == "gone":
                raise BenchError(
                    f"{self._where}: the console is silent because the probe lost the target; "
                    "check power, cable and reset of the board, then run again"
                )
            if state == "halted":
                return self._take()
            if time.monotonic() >= deadline:
                return b""
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    def reopen(self, *, within: float) -> None:
        """Do nothing: there is no port that could go away."""

    def close(self) -> None:
        """Take the breakpoint away; may be called twice."""
        try:
            self._forget()
        except BenchError:
            self._turn = None  # a link that broke takes it away as well

    def _take(self) -> bytes:
        """Empty the mailbox of a core that is halted at it, and let it go on."""
        if self._turn is None or self._debugger.register("pc") & ~1 != self._full[self._turn]:
            return b""  # whoever halted it knows why
        used = int.from_bytes(self._debugger.read(self._mailbox, _WORD), "little")
        if not 0 < used <= self._bytes:
            raise BenchError(
                f"{self._where}: the mailbox says that it holds {used} of {self._bytes} bytes: "
                "something else wrote to it, or the probe reads another memory"
            )
        text = bytes(self._debugger.read(self._mailbox + _WORD, used))
        self._debugger.breakpoint(self._full[self._turn], enabled=False)
        self._turn = 1 - self._turn
        self._debugger.breakpoint(self._full[self._turn])
        self._debugger.resume()
        return text

    def _forget(self) -> None:
        if self._turn is not None:
            turn, self._turn = self._turn, None
            self._debugger.breakpoint(self._full[turn], enabled=False)
