"""A fault of any core as an error in words; :mod:`halt_cortex_m` and :mod:`halt_rx` read them."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping
from typing import Protocol

from pytest_tinyquant.boards.device import Debugger
from pytest_tinyquant.errors import DeviceHaltedError


Locate = Callable[[int], tuple[str, str]]
"""Maps an address to its function and ``file:line``; either is empty if not known."""


class Fault(Protocol):
    """A fault of some core."""

    @property
    def registers(self) -> Mapping[str, int]:
        """Registers of the faulting code by name, and fault status registers."""

    @property
    def kind(self) -> str:
        """The manufacturer's name of the exception."""

    @property
    def summary(self) -> str:
        """The kind, with what the status registers add to it."""

    @property
    def details(self) -> list[str]:
        """Sentences that explain it."""

    @property
    def pc(self) -> int | None:
        """Address of the faulting instruction, if known."""

    @property
    def caller(self) -> int | None:
        """An address in the function that called the faulting one, if known."""


class Faults(Protocol):
    """Reads the faults of one kind of core.

    :attr record_size: bytes of the port's ``tq_fault_record``.
    :attr core_registers: what to show of a core that runs, as its debugger names them.
    """

    record_size: int
    core_registers: tuple[str, ...]

    def fault(self, exception: int, registers: Mapping[str, int]) -> Fault:
        """Return the fault that a FAULT line reports."""

    def recorded(self, record: bytes) -> tuple[Fault, int] | None:
        """Return the fault in ``tq_fault_record`` and the operator's index, if there is one."""

    def active(self, debugger: Debugger) -> Fault | None:
        """Return the fault that a halted core handles, though its handler recorded nothing."""


def fault_error(
    where: str,
    fault: Fault,
    locate: Locate,
    *,
    last_operator: str,
    log: str,
    caller: int | None = None,
) -> DeviceHaltedError:
    """Describe ``fault`` as an error.

    :param where: the board and what it ran.
    :param caller: a better address than ``fault.caller``, where the fault itself has none.
    :param last_operator: the operator entered last, in words; empty if not known.
    :param log: tail of the device's log.
    """
    pc = fault.pc
    symbol, line = locate(pc) if pc is not None else ("", "")
    text = [f"{where}: {fault.summary} {at(pc, symbol, line)}"]
    text += [f"  {sentence}" for sentence in fault.details]
    caller = fault.caller if caller is None else caller
    function, caller_line = locate(caller) if caller is not None else ("", "")
    if function and function != symbol:  # a link register that is out of date names the function
        text.append(f"  called from {function}" + (f" ({caller_line})" if caller_line else ""))
    if last_operator:
        text.append(f"  last operator started: {last_operator}")
    text.append(f"  {in_words(fault.registers)}")
    return DeviceHaltedError(
        "\n".join(text) + indented_log(log),
        kind=fault.kind,
        pc=pc,
        symbol=symbol,
        registers=dict(fault.registers),
    )


def at(pc: int | None, symbol: str, line: str) -> str:
    """Say where the core is: ``at 0x00000412 in tq_softmax (softmax.c:31)``."""
    if pc is None:
        return "at an unknown address"
    return f"at {pc:#010x}" + (f" in {symbol}" if symbol else "") + (f" ({line})" if line else "")


def in_words(registers: Mapping[str, int]) -> str:
    """Return registers as ``pc=00000412 sp=20001f68``."""
    return " ".join(f"{name}={value:08x}" for name, value in registers.items())


def indented_log(log: str) -> str:
    """Return ``log`` as the last paragraph of a message; empty if there is none."""
    if not log:
        return ""
    return "\n  device log, last lines:\n" + "\n".join(f"    {line}" for line in log.splitlines())
