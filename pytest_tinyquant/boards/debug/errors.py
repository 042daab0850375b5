"""The error of every way to a core."""

from __future__ import annotations

from pytest_tinyquant.errors import BenchError


class DebuggerError(BenchError):
    """The debug link failed: the probe, the cable or the emulator."""


def no_register(where: str, name: str) -> DebuggerError:
    """Return the error for a register that the core at `where` does not have."""
    return DebuggerError(f"{where}: the core has no register {name!r}")
