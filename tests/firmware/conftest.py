"""Firmware for real chips, run on the host against a simulation of the chip's registers."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any
from typing import Protocol

import pytest

from pytest_tinyquant.firmware.sources import firmware_sources


ON_READ = ctypes.CFUNCTYPE(ctypes.c_uint32, ctypes.c_uint32, ctypes.c_uint32)
ON_WRITE = ctypes.CFUNCTYPE(None, ctypes.c_uint32, ctypes.c_uint32, ctypes.c_uint32)


class Chip(Protocol):
    """The peripherals of a chip, as its manual describes them."""

    def read(self, address: int, size: int) -> int:
        """Return what a load of ``size`` bytes yields."""

    def write(self, address: int, value: int, size: int) -> None:
        """Store ``size`` bytes."""


class Program:
    """Parts of a board's firmware, compiled for the host."""

    def __init__(self, library: Path) -> None:
        self._library = ctypes.CDLL(str(library))
        self._callbacks: list[Any] = []

    def on(self, chip: Chip) -> Program:
        """Connect the program's register accesses to ``chip``."""
        self._callbacks = [ON_READ(chip.read), ON_WRITE(chip.write)]
        for name, callback in zip(("tq_on_read", "tq_on_write"), self._callbacks, strict=True):
            pointer = ctypes.c_void_p.in_dll(self._library, name)
            pointer.value = ctypes.cast(callback, ctypes.c_void_p).value
        return self

    def text(self, function: str) -> str | None:
        """Call a function that returns what is wrong."""
        call = self._library[function]
        call.restype = ctypes.c_char_p
        result: bytes | None = call()
        return None if result is None else result.decode()

    def truth(self, function: str) -> bool:
        call = self._library[function]
        call.restype = ctypes.c_bool
        return bool(call())

    def call(self, function: str, *arguments: int) -> None:
        self._library[function](*arguments)


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Program]:
    """Compile sources of one board for the host: ``program("rx65n", "clock.c")``."""
    compiler = shutil.which("cc")
    assert compiler is not None, "no C compiler for this computer: `make packages` installs one"
    firmware = firmware_sources()
    built: dict[tuple[str, ...], Path] = {}

    def compile_for_host(board: str, *sources: str, flags: tuple[str, ...] = ()) -> Program:
        key = (board, *sources, *flags)
        if key not in built:
            directory = firmware / "boards" / board
            library = tmp_path_factory.mktemp(board) / "program.so"
            includes = (directory, firmware / "port", firmware / "app")
            command = [
                *(compiler, "-std=c11", "-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC"),
                *(
                    "-DTQ_SIMULATED_REGISTERS",
                    "-DTQ_REGISTER_POLLS=1000u",
                    *flags,
                    *(f"-I{path}" for path in includes),
                ),
                *(str(directory / name) for name in sources),
                *(str(Path(__file__).with_name("simulated_registers.c")), "-o", str(library)),
            ]
            subprocess.run(command, check=True, timeout=60)
            built[key] = library
        # A copy: two programs of one library would share its variables.
        copy = tmp_path_factory.mktemp("program") / "program.so"
        shutil.copy(built[key], copy)
        return Program(copy)

    return compile_for_host
