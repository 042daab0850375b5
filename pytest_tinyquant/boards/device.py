"""What the pipeline expects of a device, and the parts a device is made of."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Literal
from typing import Protocol


if TYPE_CHECKING:
    from pytest_tinyquant.boards.clock import Clock
    from pytest_tinyquant.metrics.metric import Metric


State = Literal["running", "halted", "lockup", "gone"]
"""Run state of a core; ``gone`` means that the debug link itself ended."""


@dataclass(frozen=True)
class HostImage:
    """What the host runs in place of a firmware image.

    :param tflite: the converted model.
    :param samples: raw input bytes of each check sample, all inputs of the model in a row.
    :param steps: samples that make a sequence, at whose beginning the model forgets the last one.
    """

    tflite: Path
    samples: Sequence[bytes]
    steps: int = 1


@dataclass(frozen=True)
class ReportedLayer:
    """An operator of the model as a tool names it, with what it takes of an inference.

    :param label: name and place, such as ``conv2d[3]``.
    :param kernel: what runs it.
    """

    label: str
    kernel: str
    count: int


@dataclass(frozen=True, kw_only=True)
class ReportedImage(HostImage):
    """A model with what a compiler or a vendor's tool reported of it.

    :param tool: name and version.
    :param settings: what it was told, as a baseline keeps it.
    :param figures: numbers by metric and part.
    :param layers: operators with their share of the latency.
    :param told: by metric, a number that is shown and not judged, with its source.
    :param unjudged: why a metric of the board cannot be judged, by metric.
    :param remarks: what to know of a metric's numbers, by metric.
    :param clock_hz: the clock of its cycles.
    :param outputs: raw output bytes of each check sample, where the tool computed them itself.
    """

    tool: str
    settings: str
    figures: Mapping[str, Mapping[str, Metric]]
    layers: tuple[ReportedLayer, ...] = ()
    told: Mapping[str, tuple[Metric, str]] = field(default_factory=dict)
    unjudged: Mapping[str, str] = field(default_factory=dict)
    remarks: Mapping[str, str] = field(default_factory=dict)
    clock_hz: int | None = None
    outputs: tuple[bytes, ...] = ()


@dataclass(frozen=True)
class PowerWindow:
    """What a power meter saw of a board that slept, then ran its model over and over.

    :param idle_watts: mean power while the core slept.
    :param busy_watts: mean power while the model ran.
    :param runs: how often the model ran.
    :param seconds: how long that took.
    :param seconds_off: by how much that may be wrong.
    """

    idle_watts: float
    busy_watts: float
    runs: int
    seconds: float
    seconds_off: float

    @property
    def joules(self) -> float:
        """The energy of one inference beyond that of sleeping as long."""
        return (self.busy_watts - self.idle_watts) * self.seconds / self.runs


@dataclass(frozen=True)
class RunRecord:
    """Everything one run of an image on a device yielded.

    :param outputs: raw output bytes of each check sample, all outputs of the model in a row.
    :param counter: instructions or cycles of one invoke of check sample 0, the median where it was
        repeated; None if not counted.
    :param counter_class: ``exact`` when every run of the image gives the same number.
    :param op_counters: the same by operator index, from a second pass over sample 0.
    :param walk_counter: what ``counter`` holds beyond the operators: the engine's own loop.
    :param stack_bytes: high-water mark of the painted stack; None if not measured.
    :param arena_bytes: bytes the runtime allocated; None where the linker's map tells it.
    :param log: what the device printed apart from its results.
    :param repeats: cycles of each run in a row on sample 0; empty where counts are exact.
    :param clock: how the device proved its clock; None where it has none of its own.
    :param retries: why earlier runs were not believed, if this is not the first.
    :param power: what a power meter saw; empty without one.
    """

    outputs: tuple[bytes, ...]
    counter: int | None
    counter_unit: Literal["instructions", "cycles"]
    counter_class: Literal["exact", "measured"]
    op_counters: tuple[int, ...]
    walk_counter: int
    stack_bytes: int | None
    arena_bytes: int | None
    log: str
    repeats: tuple[int, ...] = ()
    clock: Clock | None = None
    retries: tuple[str, ...] = ()
    power: tuple[PowerWindow, ...] = ()


class LoadableImage(Protocol):
    """The part of a firmware image that a device looks at."""

    @property
    def elf(self) -> Path:
        """Path of the linked ELF file."""

    @property
    def image_id(self) -> str:
        """Identifier that the firmware prints in its first line."""


class Device(Protocol):
    """One board, emulated or real, or the host."""

    def flash(self, image: LoadableImage | HostImage) -> None:
        """Put ``image`` on the device; raises :class:`FlashError` if it does not read back."""

    def run(self) -> RunRecord:
        """Run the image from reset over all its check samples."""

    def close(self) -> None:
        """Release the device; may be called twice."""


class Debugger(Protocol):
    """Debug access to one core, over pyOCD or a gdb stub.

    Memory can be read and written while the core runs; registers and breakpoints need a halted
    core.
    """

    def load(self, elf: Path) -> None:
        """Write the loadable segments, then verify them; leaves the core halted after reset."""

    def reset(self, *, halt: bool = False) -> None:
        """Reset the system and let it run, or hold it at the first instruction."""

    def resume(self) -> None:
        """Let the core run."""

    def start_at(self, sp: int, pc: int) -> None:
        """Let a halted core begin at ``pc`` with the stack at ``sp`` when it is resumed."""

    def halt(self) -> None:
        """Stop the core."""

    def state(self) -> State:
        """Tell what the core does, without disturbing it."""

    def register(self, name: str) -> int:
        """Read a core register by its Arm name: ``r0``, ``sp``, ``pc``, ``xpsr``, ``s0``."""

    def read(self, address: int, size: int) -> bytes:
        """Read ``size`` bytes of memory."""

    def write(self, address: int, data: bytes) -> None:
        """Write ``data`` to memory."""

    def breakpoint(self, address: int, *, enabled: bool = True) -> None:
        """Set or remove a hardware breakpoint."""

    def close(self) -> None:
        """End the debug session; the core keeps its state. May be called twice."""


class Console(Protocol):
    """The device's serial output."""

    def read(self, timeout: float) -> bytes:
        """Return what arrived, at latest after ``timeout`` seconds; empty if nothing did."""

    def reopen(self, *, within: float) -> None:
        """Close the port and open it again, at latest after ``within`` seconds."""

    def close(self) -> None:
        """Close the port; may be called twice."""
