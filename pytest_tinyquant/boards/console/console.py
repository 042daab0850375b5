"""The device's serial console, read by pyserial."""

from __future__ import annotations

import errno
import time
from collections.abc import Callable
from typing import Any
from typing import Final

from pytest_tinyquant.boards.console.port_holders import holders
from pytest_tinyquant.errors import BoardBusyError
from pytest_tinyquant.errors import BoardNotFoundError
from pytest_tinyquant.errors import ConsoleError


BAUD_RATE: Final = 115200
"""Bits per second at which the firmware of this project sends."""

_TAKEN: Final = (errno.EAGAIN, errno.EBUSY)
_REOPEN_SECONDS: Final = 0.05


class PortClosedError(ConsoleError):
    """The port is not there, or went away: unplugged, or the emulator behind it ended."""


class SerialConsole:
    """A serial port, or anything else pyserial has a URL for, held exclusively.

    :param url: device path such as ``/dev/ttyACM0``, or a pyserial URL; or what finds it, for a
        port that comes back under another name.
    :param baud_rate: bits per second; without meaning for a pseudo terminal.
    :raises PortClosedError: the port cannot be opened.
    :raises BoardBusyError: another program holds the port.
    """

    def __init__(self, url: str | Callable[[], str], *, baud_rate: int = BAUD_RATE) -> None:
        import termios

        import serial

        # pyserial lets errors of the terminal's own calls through, and they are no OSErrors.
        self._errors = (serial.SerialException, OSError, termios.error)
        self._find: Callable[[], str] = (lambda: url) if isinstance(url, str) else url
        self._url = ""
        self._baud_rate = baud_rate
        self._port: Any = self._open()

    def read(self, timeout: float) -> bytes:
        """Return what arrived, at latest after ``timeout`` seconds; empty if nothing did.

        :raises PortClosedError: the port went away.
        """
        try:
            self._port.timeout = max(timeout, 0)
            first: bytes = self._port.read(1)
            if not first:
                return b""
            return first + bytes(self._port.read(self._port.in_waiting))
        except self._errors as error:
            raise PortClosedError(
                f"serial port {self._url} went away: {error}{self._also_open()}"
            ) from error

    def reopen(self, *, within: float) -> None:
        """Close the port and open it again, which may take a device until it is back.

        :raises PortClosedError: it is not back after ``within`` seconds.
        """
        self.close()
        deadline = time.monotonic() + within
        while True:
            try:
                self._port = self._open()
            except (PortClosedError, BoardNotFoundError):
                if time.monotonic() >= deadline:
                    raise
                time.sleep(_REOPEN_SECONDS)
            else:
                return

    def close(self) -> None:
        """Close the port; may be called twice."""
        self._port.close()

    def _open(self) -> Any:
        import serial

        self._url = self._find()
        try:
            return serial.serial_for_url(self._url, self._baud_rate, timeout=0, exclusive=True)
        except self._errors as error:
            if _number(error) in _TAKEN:
                holder = ", ".join(map(str, holders(self._url)))
                raise BoardBusyError(
                    f"serial port {self._url} is held by {holder or 'another program'}; end it, or"
                    " let this run use another board",
                    holder=holder,
                ) from error
            raise PortClosedError(
                f"serial port {self._url} cannot be opened: {error}; check that the board is"
                " attached and that you may read the port"
            ) from error

    def _also_open(self) -> str:
        others = ", ".join(map(str, holders(self._url)))
        return f"; {others} has it open, too" if others else ""


def _number(error: Exception) -> object:
    """Return the number of an error of the system; errors of terminals hold it as an argument."""
    return error.errno if isinstance(error, OSError) else next(iter(error.args), None)
