"""Mends pyOCD's client of ``pyocd server``: its protocol is JSON, which knows no bytes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from typing import Final


PREFIX: Final = "remote:"
"""Begins the unique id of a probe behind ``pyocd server``."""


def mend() -> None:
    """Let the client send the ``bytearray`` that pyOCD's flash algorithms hand it.

    pyOCD 0.46 ends in ``TypeError: Object of type bytearray is not JSON serializable``.
    """
    from pyocd.probe.tcp_client_probe import RemoteMemoryInterface

    original = RemoteMemoryInterface.write_memory_block8
    if getattr(original, "takes_bytes", False):
        return

    def write_memory_block8(self: Any, addr: int, data: Iterable[int], **attrs: Any) -> None:
        original(self, addr, list(data), **attrs)

    write_memory_block8.takes_bytes = True  # type: ignore[attr-defined]
    RemoteMemoryInterface.write_memory_block8 = write_memory_block8
