"""An emulated RX board: QEMU's RX62N with an RX65N's memory, watched through QEMU's gdb stub."""

from __future__ import annotations

import contextlib
from pathlib import Path

from pytest_tinyquant.boards.debug.gdb_core import RX_GDB_CORE
from pytest_tinyquant.boards.debug.gdb_debugger import GdbDebugger
from pytest_tinyquant.boards.device import Debugger
from pytest_tinyquant.boards.device import LoadableImage
from pytest_tinyquant.boards.emulator.emulated import EmulatedBoard
from pytest_tinyquant.boards.emulator.qemu import Qemu
from pytest_tinyquant.boards.emulator.rx_memory import AddressSpace
from pytest_tinyquant.boards.emulator.rx_memory import check_writes
from pytest_tinyquant.boards.halts.halt_rx import RxFaults
from pytest_tinyquant.errors import ConsoleError
from pytest_tinyquant.errors import located


MACHINES = ("r5f562n8",)
"""Microcontrollers that QEMU emulates."""

SINGLE_STEP = ("-singlestep",)
"""One instruction per translation: with more, QEMU 7.2 keeps stale flags after float compares."""

ICOUNT_SHIFT = 0
"""An instruction takes 1 ns, for which the firmware's counter is made."""


class EmulatedRx(EmulatedBoard):
    """An emulated RX; ``machine`` is one of :data:`MACHINES`."""

    faults = RxFaults()

    def start(self, image: LoadableImage, cleanup: contextlib.ExitStack) -> Qemu:
        """Start QEMU with the image, which it writes to the memory at every reset."""
        self._space = AddressSpace()
        cleanup.callback(self._space.close)
        return start_qemu(self.machine, image.elf, space=self._space)

    def connect(self, qemu: Qemu, image: LoadableImage) -> Debugger:
        """Connect to the gdb stub of a QEMU that holds the image already, and verify it."""
        debugger = GdbDebugger("127.0.0.1", qemu.gdb_port, core=RX_GDB_CORE)
        try:
            debugger.verify(image.elf)
        except BaseException:
            debugger.close()
            raise
        return debugger

    def _prepare_again(self, trouble: ConsoleError) -> None:
        """Take a new emulator: QEMU's reset does not wake a core that sleeps in WAIT."""
        super()._prepare_again(trouble)
        image = self._image
        assert image is not None, "a run came before"
        self.flash(image)

    def check_memory(self, debugger: Debugger, image: LoadableImage) -> None:
        """Check that the run wrote to nothing but memory that the chip has."""
        with located(self.where):
            check_writes(self._space, debugger.read, image.elf)


def start_qemu(
    machine: str,
    elf: Path | None = None,
    *,
    single_step: tuple[str, ...] = SINGLE_STEP,
    icount_shift: int = ICOUNT_SHIFT,
    space: AddressSpace | None = None,
) -> Qemu:
    """Start a QEMU, stopped, whose memory is that of an RX65N.

    :param elf: is written to the memory at every reset; None leaves that to the debugger.
    :param single_step: arguments that make QEMU translate one instruction at a time.
    :param space: what QEMU takes for its RAM; None for memory that nobody looks at.

    The microcontroller sits in an address space full of RAM: QEMU's own boards have the RX62N's
    96 KB of RAM and 512 KB of flash, an RX65N has 640 KB and 2 MB.
    """
    device = f"{machine}-mcu,main-bus=/machine/unattached/system[0],xtal-frequency-hz=12000000"
    arguments = ["-m", "4G", "-device", device, *single_step]
    if space is not None:
        path = f"/proc/self/fd/{space.fd}"
        arguments += ["-object", f"memory-backend-file,id=space,size=4G,share=on,mem-path={path}"]
    if elf is not None:
        arguments += ["-device", f"loader,file={elf},cpu-num=0"]
    return Qemu(
        "qemu-system-rx",
        "none" if space is None else "none,memory-backend=space",
        arguments=arguments,
        icount_shift=icount_shift,
        inherited=() if space is None else (space.fd,),
    )
