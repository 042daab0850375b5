"""An emulated Cortex-M board: QEMU, programmed and watched through pyOCD."""

from __future__ import annotations

import contextlib
import re

from pytest_tinyquant.boards.console.protocol import Decoder
from pytest_tinyquant.boards.debug.pyocd_debugger import PyocdDebugger
from pytest_tinyquant.boards.debug.pyocd_names import TARGET_MPS2_AN386
from pytest_tinyquant.boards.debug.pyocd_names import TARGET_MPS2_AN505
from pytest_tinyquant.boards.debug.pyocd_names import TARGET_MPS3_AN547
from pytest_tinyquant.boards.device import Debugger
from pytest_tinyquant.boards.device import LoadableImage
from pytest_tinyquant.boards.emulator.emulated import EmulatedBoard
from pytest_tinyquant.boards.emulator.qemu import Qemu
from pytest_tinyquant.boards.firmware_board import IDLE_TIMEOUT
from pytest_tinyquant.boards.halts.diagnosis import LOG_LINES
from pytest_tinyquant.boards.halts.halt import Faults
from pytest_tinyquant.boards.halts.halt import at
from pytest_tinyquant.boards.halts.halt import in_words
from pytest_tinyquant.boards.halts.halt import indented_log
from pytest_tinyquant.boards.halts.halt_cortex_m import ARMV7M_FAULTS
from pytest_tinyquant.errors import DeviceHaltedError
from pytest_tinyquant.errors import TinyQuantError
from pytest_tinyquant.firmware.elf import Elf


#: pyOCD's target for each emulated machine; the first three have the same memory map.
MACHINES = {
    "mps2-an385": TARGET_MPS2_AN386,
    "mps2-an386": TARGET_MPS2_AN386,
    "mps2-an500": TARGET_MPS2_AN386,
    "mps2-an505": TARGET_MPS2_AN505,
    "mps3-an547": TARGET_MPS3_AN547,
}


class EmulatedCortexM(EmulatedBoard):
    """An emulated Cortex-M.

    :param machine: a key of :data:`MACHINES`.
    :param faults: reads the faults of its core.
    :param by_debugger: the console is the debugger's mailbox, no UART.
    """

    def __init__(
        self,
        name: str,
        machine: str,
        *,
        timeout: float,
        idle_timeout: float = IDLE_TIMEOUT,
        faults: Faults = ARMV7M_FAULTS,
        by_debugger: bool = False,
    ) -> None:
        super().__init__(
            name, machine, timeout=timeout, idle_timeout=idle_timeout, by_debugger=by_debugger
        )
        self._faults = faults

    @property
    def faults(self) -> Faults:
        """What reads the faults of the core."""
        return self._faults

    def start(self, image: LoadableImage, cleanup: contextlib.ExitStack) -> Qemu:
        """Start QEMU without the image, which goes in through pyOCD."""
        return Qemu("qemu-system-arm", self.machine)

    def connect(self, qemu: Qemu, image: LoadableImage) -> Debugger:
        """Write the image through pyOCD and verify it."""
        debugger = PyocdDebugger(f"tqqemu:127.0.0.1:{qemu.gdb_port}", MACHINES[self.machine])
        try:
            debugger.load(image.elf)
        except BaseException:
            debugger.close()
            raise
        return debugger

    def death(self, qemu: Qemu, image: LoadableImage, decoder: Decoder | None) -> TinyQuantError:
        """Describe why QEMU ended, which may be that the core locked up."""
        death = qemu.death(self.where)
        if not death.lockup:
            return death
        return _lockup(self.where, qemu.messages(), Elf(image.elf), decoder)


def _lockup(where: str, messages: str, elf: Elf, decoder: Decoder | None) -> DeviceHaltedError:
    """Describe a fault in a fault handler; QEMU ends then, with a dump of the registers."""
    found = re.findall(r"\b(?:R(\d\d)|XPSR)=([0-9a-f]{8})", messages)
    names = {"": "xpsr", "13": "sp", "14": "lr", "15": "pc"}
    registers = {names.get(n, f"r{int(n or 0)}"): int(value, 16) for n, value in found}
    pc = registers.get("pc")
    symbol = elf.symbol_at(pc) or "" if pc is not None else ""
    line = elf.source_line(pc) or "" if pc is not None else ""
    return DeviceHaltedError(
        f"{where}: the core locked up {at(pc, symbol, line)}: it faulted while it handled a fault,"
        " or its vector table is damaged\n"
        "  QEMU ended with it: its memory, and with it the last operator, cannot be read\n"
        f"  {in_words(registers)}"
        + indented_log(decoder.log_text(tail=LOG_LINES) if decoder else ""),
        kind="lockup",
        pc=pc,
        symbol=symbol,
        registers=registers,
    )
