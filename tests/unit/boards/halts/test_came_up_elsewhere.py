"""A core that was reset and did not come back to the image is told apart from one that hangs."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_tinyquant.boards.console.protocol import Decoder
from pytest_tinyquant.boards.halts.diagnosis import Diagnosis
from pytest_tinyquant.boards.halts.halt_cortex_m import CortexMFaults
from pytest_tinyquant.errors import DeviceTimeoutError


CODE = range(0x10000000, 0x10001000)
TOLD = "what lies at its reset address is not this image"


class Core:
    """A core that hangs with given registers, and its console, which is silent."""

    def __init__(self, **registers: int) -> None:
        self._registers = registers

    def register(self, name: str) -> int:
        return self._registers.get(name, 0)

    def read(self, address: float, size: int = 0) -> bytes:
        return bytes(size)

    def halt(self) -> None: ...

    def resume(self) -> None: ...


class Image:
    """An image whose code lies in ``CODE``; it has none of the firmware's symbols."""

    def symbol(self, name: str) -> None: ...

    def section(self, name: str) -> None: ...

    def symbol_at(self, address: int) -> str | None:
        return "tq_invoke" if address in CODE else None

    def source_line(self, address: int) -> str | None:
        return "invoke.c:1" if address in CODE else None


@pytest.mark.parametrize(
    ("pc", "lr", "told"),
    [
        pytest.param(0x8, 0xFFFFFFFF, True, id="after a reset, outside of the image"),
        pytest.param(CODE[8], 0xFFFFFFFF, False, id="after a reset, in the image"),
        pytest.param(0x8, CODE[4] + 1, False, id="called from the image"),
    ],
)
def test_it_is_told(pc: int, lr: int, told: bool) -> None:
    core: Any = Core(pc=pc, lr=lr)
    image: Any = Image()
    error = Diagnosis("mine", core, core, image, CortexMFaults()).unfinished(
        Decoder("mine"), "no output for 30 s"
    )
    assert isinstance(error, DeviceTimeoutError)
    assert (TOLD in str(error)) == told
