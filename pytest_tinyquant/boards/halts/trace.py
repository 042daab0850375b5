"""Watches a device run one sample operator by operator: what each wrote, and its stack.

The image is the very one that is measured. The debugger stops it at functions that the firmware's
second pass calls around every operator (``firmware/app/main.c``); nothing is compiled in for it.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from typing import Protocol
from typing import runtime_checkable

from pytest_tinyquant.boards.device import Console
from pytest_tinyquant.boards.device import Debugger
from pytest_tinyquant.errors import BenchError
from pytest_tinyquant.errors import DeviceTimeoutError
from pytest_tinyquant.firmware.elf import Elf


#: A range of the arena: offset and bytes.
Extent = tuple[int, int]

_BEFORE_PASS: Final = "profile"
_BEFORE_OPERATOR: Final = "tq_board_measure"
_AFTER_OPERATOR: Final = "tq_protocol_begin"

_MODEL = struct.Struct("<IIIIHHHH")  # tq_model in tq_engine.h
_BUFFER = struct.Struct("<II")  # tq_buffer
_PAINT: Final = b"\x5a\x96\x3c\xe1"
_MARGIN: Final = 64
_POLL_SECONDS: Final = 0.001


@dataclass(frozen=True)
class OperatorTrace:
    """What one operator left behind.

    :param outputs: bytes of each of its output tensors.
    :param stack_bytes: from the stack's top to the deepest word that the operator changed.
    """

    outputs: tuple[bytes, ...]
    stack_bytes: int


@runtime_checkable
class Traceable(Protocol):
    """A device whose image can be watched operator by operator."""

    def trace(self, sample: bytes, writes: Sequence[Sequence[Extent]]) -> tuple[OperatorTrace, ...]:
        """Run ``sample`` and return what every operator wrote.

        :param sample: raw bytes of all inputs, one after the other.
        :param writes: the output tensors of each operator.
        """


class Tracer:
    """Drives a flashed, halted core through its second pass.

    :param where: the board and the image, for messages.
    :param timeout: seconds that the whole trace may take.
    :raises BenchError: the image lacks a function to stop at.
    """

    def __init__(
        self, where: str, debugger: Debugger, console: Console, elf: Elf, *, timeout: float
    ) -> None:
        self._where = where
        self._debugger = debugger
        self._console = console
        self._elf = elf
        self._deadline = time.monotonic() + timeout
        self._arena = self._address("tq_arena")
        self._addresses = {
            name: self._address(name) for name in (_BEFORE_PASS, _BEFORE_OPERATOR, _AFTER_OPERATOR)
        }
        stack = elf.section(".stack")
        if stack is None:
            raise BenchError(f"{where}: {elf.path} has no section .stack; build it again")
        self._stack = (stack.address, stack.address + stack.size)

    def run(self, sample: bytes, writes: Sequence[Sequence[Extent]]) -> tuple[OperatorTrace, ...]:
        """Return what every operator wrote for ``sample``.

        :raises DeviceTimeoutError: the firmware did not get there in time.
        """
        self._run_to(_BEFORE_PASS)
        found = []
        for number, extents in enumerate(writes):
            # A core cannot be resumed on a breakpoint: no two stops in a row are at one function.
            self._run_to(_BEFORE_OPERATOR)
            if number == 0:
                self._fill_inputs(sample)
            depth = self._paint()
            self._run_to(_AFTER_OPERATOR)
            outputs = tuple(self._debugger.read(self._arena + at, size) for at, size in extents)
            found.append(OperatorTrace(outputs, self._stack_used(depth)))
        return tuple(found)

    def _address(self, name: str) -> int:
        symbol = self._elf.symbol(name)
        if symbol is None:
            raise BenchError(f"{self._where}: {self._elf.path} has no {name}; build it again")
        return symbol.address

    def _run_to(self, function: str) -> None:
        """Run until the core is about to execute ``function``."""
        address = self._addresses[function]
        self._debugger.breakpoint(address)
        self._debugger.resume()
        while True:
            # A full console would hold up the firmware.
            self._console.read(_POLL_SECONDS)
            if self._debugger.state() == "halted":
                break
            if time.monotonic() > self._deadline:
                raise DeviceTimeoutError(f"{self._where}: did not reach {function} while traced")
        self._debugger.breakpoint(address, enabled=False)

    def _fill_inputs(self, sample: bytes) -> None:
        model = self._elf.symbol("tq_model_instance")
        assert model is not None, "every image has a model"
        _, inputs, _, _, _, count, _, _ = _MODEL.unpack(self._elf.read(model.address, _MODEL.size))
        for index in range(count):
            row = self._elf.read(inputs + index * _BUFFER.size, _BUFFER.size)
            address, size = _BUFFER.unpack(row)
            self._debugger.write(address, sample[:size])
            sample = sample[size:]

    def _paint(self) -> int:
        """Fill the unused stack with a pattern; return its length."""
        low, _ = self._stack
        length = (self._debugger.register("sp") - _MARGIN - low) // len(_PAINT) * len(_PAINT)
        if length > 0:
            self._debugger.write(low, _PAINT * (length // len(_PAINT)))
        return max(length, 0)

    def _stack_used(self, painted: int) -> int:
        low, high = self._stack
        content = self._debugger.read(low, painted) if painted else b""
        untouched = next(
            (i for i in range(painted) if content[i] != _PAINT[i % len(_PAINT)]), painted
        )
        return high - low - untouched
