"""The device's serial console, read by pyserial."""

from __future__ import annotations

from typing import Any

from pytest_tinyquant.errors import ConsoleError


class PortClosedError(ConsoleError):
    """The port is not there, or went away: unplugged, or the emulator behind it ended."""


class SerialConsole:
    """A serial port, or anything else pyserial has a URL for.

    :param url: device path such as ``/dev/ttyACM0``, or a pyserial URL.
    :param baud_rate: bits per second; without meaning for a pseudo terminal.
    :raises PortClosedError: the port cannot be opened.
    """

    def __init__(self, url: str, *, baud_rate: int = 115200) -> None:
        import serial

        self._errors = (serial.SerialException, OSError)
        self._url = url
        try:
            self._port: Any = serial.serial_for_url(url, baud_rate, timeout=0)
        except self._errors as error:
            raise PortClosedError(
                f"serial port {url} cannot be opened: {error}; check that the board is attached,"
                " that no terminal program holds the port and that you may read it"
            ) from error

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
            raise PortClosedError(f"serial port {self._url} went away: {error}") from error

    def close(self) -> None:
        """Close the port; may be called twice."""
        self._port.close()
