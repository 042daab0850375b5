"""Where the serial port of a board is."""

from __future__ import annotations

from pytest_tinyquant.errors import BoardNotFoundError
from pytest_tinyquant.project.bench import USB_PREFIX


def find_port(port: str) -> str:
    """Return the device path or URL that a bench row's ``port`` means now.

    :raises BoardNotFoundError: not exactly one port has the USB serial number that it names.
    """
    if not port.startswith(USB_PREFIX):
        return port
    from serial.tools import list_ports

    serial_number = port.removeprefix(USB_PREFIX).casefold()
    ports = list_ports.comports()
    found = [str(p.device) for p in ports if serial_number in _spellings(p.serial_number or "")]
    if len(found) != 1:
        attached = [f"{p.device} ({p.serial_number})" for p in ports if p.serial_number]
        raise BoardNotFoundError(
            f"{len(found)} serial ports have the USB serial number {serial_number!r}; attached "
            f"are: {', '.join(attached) or 'none'}. Attach the board, or correct its port in "
            "boards.toml"
        )
    return found[0]


def _spellings(serial_number: str) -> tuple[str, ...]:
    """Return how a USB serial number may be written.

    An ST-LINK/V2 has twelve bytes that are no text; pyOCD writes each as two hexadecimal digits.
    """
    as_bytes = serial_number.encode("latin-1", errors="ignore")
    return serial_number.casefold(), as_bytes.hex()
