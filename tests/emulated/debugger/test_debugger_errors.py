"""What a debugger refuses and what it says about it, on every core and by every link."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_tinyquant.boards.debugger import GdbDebugger
from pytest_tinyquant.boards.device import Debugger
from pytest_tinyquant.boards.gdb_remote import GdbRemote
from pytest_tinyquant.boards.qemu import Qemu
from pytest_tinyquant.elf import Elf
from pytest_tinyquant.errors import BenchError
from pytest_tinyquant.errors import FlashError


def test_says_that_the_emulator_is_gone(debugger: Debugger, core: Any, qemu: Qemu) -> None:
    os.kill(qemu.pid, signal.SIGKILL)
    assert qemu.ended(within=5)
    with pytest.raises(BenchError, match=r"its program ended|is gone"):
        debugger.read(core.ram, 4)
    with pytest.raises(BenchError):
        debugger.register("pc")
    assert debugger.state() == "gone"


def test_refuses_a_register_that_the_core_does_not_have(debugger: Debugger) -> None:
    with pytest.raises(BenchError, match="r99"):
        debugger.register("r99")


def test_refuses_a_file_that_is_no_elf(debugger: Debugger, tmp_path: Path) -> None:
    text = tmp_path / "text.elf"
    text.write_text("no program")
    with pytest.raises(FlashError, match=r"text\.elf"):
        debugger.load(text)


def test_refuses_an_image_that_does_not_read_back(
    debugger: Debugger, core: Any, elf: Elf, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("debugger", "segments"):
        monkeypatch.setattr(
            f"pytest_tinyquant.boards.{module}.loadable_segments",
            lambda path: [(core.ram, b"\x00\x11"), (core.ram + 0x10000, b"\x5a\xa5")],
        )
    debugger.write(core.ram, b"\x00\x11")
    if isinstance(debugger, GdbDebugger):
        monkeypatch.setattr(GdbRemote, "write", lambda *_: None)
    where = f"first difference at {core.ram + 0x10000:#010x}, wrote 5a, read 00"
    with pytest.raises(FlashError, match=where):
        debugger.load(elf.path)


def test_says_that_there_is_nothing_to_connect_to(
    link: Callable[[Qemu], Debugger], qemu: Qemu, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(qemu, "gdb_port", 1)
    with pytest.raises(BenchError, match=r"127\.0\.0\.1:1"):
        link(qemu)
