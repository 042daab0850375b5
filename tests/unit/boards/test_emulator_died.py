"""An emulator that dies takes nothing with it that the device had sent before."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_tinyquant.boards.console.console import PortClosedError
from pytest_tinyquant.boards.console.protocol import Decoder
from pytest_tinyquant.boards.debug.errors import DebuggerError
from pytest_tinyquant.boards.emulator.cortex_m import EmulatedCortexM
from pytest_tinyquant.boards.emulator.qemu import EmulatorDiedError


class DeadQemu:
    """An emulator that ended."""

    def ended(self, *, within: float) -> bool:
        return True

    def death(self, where: str) -> EmulatorDiedError:
        return EmulatorDiedError(f"{where}: QEMU ended", lockup=False)


class FullConsole:
    """A console with bytes that nobody has read, whose other end is gone."""

    def __init__(self) -> None:
        self._left = [b"kernel says ", b"hello\n"]

    def read(self, timeout: float) -> bytes:
        if not self._left:
            raise PortClosedError("the port is gone")
        return self._left.pop(0)


def test_what_it_had_sent_is_read() -> None:
    device: Any = EmulatedCortexM("nucleo-l4r5zi", "mps2-an386", timeout=20)
    device._qemu, device._console = DeadQemu(), FullConsole()
    image: Any = None
    decoder = Decoder("nucleo-l4r5zi")

    with pytest.raises(EmulatorDiedError, match="QEMU ended"), device.watched(image, decoder):
        raise DebuggerError("the link broke while the core was started")

    assert decoder.log_text() == "kernel says hello"
