"""Every error that pytest-tinyquant raises on purpose.

One tree, so that a known issue can name the class it expects: a marker such as
``xfail(raises=UnsupportedModelError, strict=True)`` is satisfied by that class and its
subclasses only. :class:`BenchError` is a branch of its own because trouble with the bench
(no probe, no compiler, a broken cable) says nothing about the model and may never satisfy an
expectation about one.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from collections.abc import Sequence
from pathlib import Path


class TinyQuantError(Exception):
    """Base of all errors of this package; its text is one complete message for the user."""

    retries: Sequence[str] = ()
    """Why earlier runs on the device were repeated, before this error ended the last."""


@contextlib.contextmanager
def located(place: str | Path) -> Iterator[None]:
    """Put a place before the text of each error that the block raises.

    Whoever finds a fault says what is wrong and what to do. Which model, scheme and board, or which
    file, that is about only a caller knows; it says so here, once.
    """
    try:
        yield
    except TinyQuantError as error:
        error.args = (f"{place}: {error}", *error.args[1:])
        raise


class ConfigurationError(TinyQuantError):
    """A file the user wrote (TOML, ini, command line) says something that cannot be followed."""


class ModelError(TinyQuantError):
    """A model file is corrupt, truncated or not what its name says."""


class CompiledModelError(ModelError):
    """A model file that a compiler made for one processor; the file it was made from is wanted."""


class ConversionError(TinyQuantError):
    """TensorFlow Lite's converter failed or crashed on the model."""


class UnsupportedModelError(TinyQuantError):
    """The runtime has no kernel for an operator of the model.

    :param op: the operator's TensorFlow Lite name, such as ``DEQUANTIZE``.
    :param dtype: the type, or combination of types, that is missing, such as ``float16``.
    :param reason: what the runtime lacks, in one sentence.
    """

    def __init__(self, message: str, *, op: str = "", dtype: str = "", reason: str = "") -> None:
        super().__init__(message)
        self.op = op
        self.dtype = dtype
        self.reason = reason


class DoesNotFitError(TinyQuantError):
    """The firmware needs more of a memory region than the board has.

    :param region: the linker's region name, ``FLASH`` or ``RAM``.
    :param needed: bytes the image needs in that region.
    :param available: bytes the region has.
    """

    def __init__(
        self, message: str, *, region: str = "", needed: int = 0, available: int = 0
    ) -> None:
        super().__init__(message)
        self.region = region
        self.needed = needed
        self.available = available


class DeviceHaltedError(TinyQuantError):
    """The device stopped before it finished: a fault, an abort or an early exit.

    :param kind: what happened, such as ``UsageFault``, ``abort`` or ``lockup``.
    :param pc: address of the instruction that stopped the device, if known.
    :param symbol: function that holds ``pc``, if known.
    :param registers: fault status and core registers by name.
    """

    def __init__(
        self,
        message: str,
        *,
        kind: str = "",
        pc: int | None = None,
        symbol: str = "",
        registers: dict[str, int] | None = None,
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.pc = pc
        self.symbol = symbol
        self.registers = dict(registers or {})


class DeviceTimeoutError(TinyQuantError):
    """The device still runs but did not finish in its time; the text says where it hangs."""


class InvalidOutputError(TinyQuantError):
    """The device's output cannot be judged: NaN, constant over all samples, or the wrong size."""


class VacuousSchemeError(TinyQuantError):
    """The scheme quantized nothing that it should have: tensors or operators are still float."""


class AbsentError(TinyQuantError):
    """A revision has no such model, board or scheme, as it says itself."""


class SupportMismatchError(TinyQuantError):
    """The support check and the runtime itself disagree about a model."""


class BaselineError(TinyQuantError):
    """A baseline is missing, corrupt or not comparable with the measurement."""


class BenchError(TinyQuantError):
    """Trouble with the bench, not with the model: an ERROR, never an expected failure.

    The computer that the tests run on belongs to the bench: a child process that was killed, a
    full disk, too little memory.
    """


class CacheError(BenchError):
    """The cache directory cannot be used (not writable, full, locked for too long)."""


class BoardNotFoundError(BenchError):
    """No device of this board type is attached and none can be emulated."""


class BoardBusyError(BenchError):
    """Every device of this board type is held by someone else.

    :param holder: who holds it, as that process described itself.
    :param age: seconds since it took the device.
    """

    def __init__(self, message: str, *, holder: str = "", age: float = 0.0) -> None:
        super().__init__(message)
        self.holder = holder
        self.age = age


class FlashError(BenchError):
    """The image could not be written to the device or does not read back as written."""


class ConsoleError(BenchError):
    """The device's console lost, doubled or garbled lines, or never spoke."""


class ClockError(BenchError):
    """The device's clock, wait states or build are not those that its cycles are counted for."""


class ToolchainNotFoundError(BenchError):
    """A compiler, emulator or other program that the board needs is not installed."""


class EstimateError(BenchError):
    """A simulator or a vendor's tool gave no figure, or one of something that did not run."""


class RevisionError(BenchError):
    """A git revision is unknown, or what it holds cannot be built or driven."""
