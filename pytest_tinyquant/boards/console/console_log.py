"""The whole output of a device, kept in a file as it comes."""

from __future__ import annotations

from pathlib import Path

from pytest_tinyquant.boards.device import Console


class LoggedConsole:
    """A console that writes every byte to ``path`` before anyone looks at it.

    The file grows while the device talks and is never truncated, so that it also tells what led
    to a crash of this process.
    """

    def __init__(self, console: Console, path: Path) -> None:
        self._console = console
        self._file = path.open("ab", buffering=0)

    def read(self, timeout: float) -> bytes:
        """Return what arrived, at latest after ``timeout`` seconds; empty if nothing did."""
        data = self._console.read(timeout)
        self._file.write(data)
        return data

    def reopen(self, *, within: float) -> None:
        """Close the port and open it again; the file goes on."""
        self._console.reopen(within=within)

    def note(self, text: str) -> None:
        """Write a line of our own between the device's."""
        self._file.write(f"\n=== tinyquant: {text}\n".encode(errors="backslashreplace"))

    def close(self) -> None:
        """Close port and file; may be called twice."""
        self._console.close()
        self._file.close()
