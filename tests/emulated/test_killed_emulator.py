"""An emulator that is killed at any moment is trouble with the bench: never a result, never a hang.

The moments are counted in what passes between host and emulator: its start, every packet to its
gdb stub, every reading of its console.
"""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Callable
from typing import Any

import pytest

from pytest_tinyquant.boards.console.console import SerialConsole
from pytest_tinyquant.boards.debug.gdb_remote import GdbRemote
from pytest_tinyquant.boards.emulator.emulated import EmulatedBoard
from pytest_tinyquant.boards.emulator.qemu import EmulatorDiedError
from pytest_tinyquant.boards.emulator.qemu import Qemu
from pytest_tinyquant.errors import BenchError
from pytest_tinyquant.firmware.image import FirmwareImage


KILLS = 100
"""For each board."""


class Moments:
    """Counts what passes between host and emulator, and kills the emulator at one moment.

    :param killed_at: number of that moment; None to only count.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, killed_at: int | None = None) -> None:
        self.passed = 0
        self.killed = False
        self._killed_at = killed_at
        self._pid = 0
        start = Qemu.__init__

        def started(qemu: Qemu, *arguments: Any, **options: Any) -> None:
            start(qemu, *arguments, **options)
            self._pid = qemu.pid
            self._pass()

        monkeypatch.setattr(Qemu, "__init__", started)
        monkeypatch.setattr(GdbRemote, "_transmit", self._counting(GdbRemote._transmit))
        monkeypatch.setattr(SerialConsole, "read", self._counting(SerialConsole.read))

    def _counting(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*arguments: Any) -> Any:
            self._pass()
            return method(*arguments)

        return counted

    def _pass(self) -> None:
        if self.passed == self._killed_at:
            os.kill(self._pid, signal.SIGKILL)
            # Until it is dead, the last acknowledgement of a run would still reach it.
            os.waitid(os.P_PID, self._pid, os.WEXITED | os.WNOWAIT)
            self.killed = True
        self.passed += 1


def test_a_killed_emulator_is_trouble_with_the_bench(
    board_name: str,
    open_board: Callable[..., EmulatedBoard],
    well_behaved_image: FirmwareImage,
) -> None:
    device = open_board(idle_timeout=5)
    with pytest.MonkeyPatch.context() as patch:
        moments = Moments(patch)
        device.flash(well_behaved_image)
        expected = device.run()
    draw = random.Random(f"{board_name} is killed")
    kills = 0
    while kills < KILLS:
        killed_at = draw.randrange(moments.passed)
        with pytest.MonkeyPatch.context() as patch:
            these = Moments(patch, killed_at)
            try:
                device.flash(well_behaved_image)
                record = device.run()
            except BenchError as error:
                assert isinstance(error, EmulatorDiedError), f"moment {killed_at}: {error!r}"
                assert "was ended by SIGKILL" in str(error)
                assert "qemu-system-" in str(error)
                kills += 1
            else:  # the console was read less often this time: the moment never came
                assert not these.killed, f"moment {killed_at} of {moments.passed}: it passed"
                assert record == expected
    device.flash(well_behaved_image)
    assert device.run() == expected
