"""Who else has a serial port open, as far as the kernel tells: what `lsof PORT` would print."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final


_PROC: Final = Path("/proc")


@dataclass(frozen=True)
class PortHolder:
    """A process that has a port open."""

    pid: int
    command: str

    def __str__(self) -> str:
        return f"process {self.pid} ({self.command})"


def holders(port: str) -> tuple[PortHolder, ...]:
    """Return the other processes that have the device file `port` open.

    Processes of other users are seen by root only; without ``/proc`` there is nothing to see.
    """
    device = os.path.realpath(port)
    return tuple(
        PortHolder(pid, _command(pid))
        for pid in sorted(_processes())
        if pid != os.getpid() and device in _open_files(pid)
    )


def _processes() -> Iterator[int]:
    if _PROC.is_dir():
        yield from (int(entry) for entry in os.listdir(_PROC) if entry.isdigit())


def _open_files(pid: int) -> Iterator[str]:
    """Yield what the descriptors of a process point to; nothing if it is gone or another's."""
    folder = _PROC / str(pid) / "fd"
    try:
        descriptors = os.listdir(folder)
    except OSError:
        return
    for descriptor in descriptors:
        try:
            yield os.readlink(folder / descriptor)
        except OSError:
            continue


def _command(pid: int) -> str:
    try:
        line = (_PROC / str(pid) / "cmdline").read_bytes()
    except OSError:
        return "ended"
    words = line.replace(b"\0", b" ").decode(errors="replace").split()
    return " ".join(words)[:100] or "no command line"
