"""RAM of a firmware image: what the linker placed, and what the stack reached."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING
from typing import cast

from pytest_tinyquant.engine.arena_names import arena_names
from pytest_tinyquant.errors import ConsoleError
from pytest_tinyquant.measure.measurement import ArenaTensor
from pytest_tinyquant.metrics.metric import Metric
from pytest_tinyquant.metrics.metric import NumberClass
from pytest_tinyquant.metrics.metric import weakest_class


if TYPE_CHECKING:
    from pytest_tinyquant.boards.device import RunRecord
    from pytest_tinyquant.engine import Plan
    from pytest_tinyquant.firmware.image import FirmwareImage
    from pytest_tinyquant.measure.observation import Observation


def measure(observation: Observation) -> dict[str, Metric]:
    """Return the RAM of what ran, on the host the arena alone."""
    if observation.board.target.is_host:
        return measure_host_ram(observation.record)
    return measure_ram(observation.image, observation.record)


def measure_ram(image: FirmwareImage, record: RunRecord) -> dict[str, Metric]:
    """Return static data, arena and the stack's high-water mark, and their sum, in bytes.

    :raises ConsoleError: if the device did not report its stack, or reported what cannot be.
    """
    if record.stack_bytes is None:
        raise ConsoleError(
            "the device did not report its stack's high-water mark: its firmware is of another "
            "version; build it again"
        )
    for what, reported in (("stack", record.stack_bytes), ("arena", record.arena_bytes)):
        if reported is not None and reported <= 0:
            raise ConsoleError(
                f"the device reported {reported} bytes of {what}; no model runs without"
            )
    parts = {
        part: Metric(int(getattr(image.ram, part)), "bytes", "exact")
        for part in ("data", "bss", "arena")
    }
    if record.arena_bytes is not None:
        # An interpreter is given more than it uses; what it used is what the model needs.
        parts["arena"] = Metric(record.arena_bytes, "bytes", "exact")
    # What a stack reached depends on interrupts wherever the counter depends on time.
    stack_class = cast(NumberClass, record.counter_class)
    parts["stack"] = Metric(record.stack_bytes, "bytes", stack_class)
    total = sum(metric.value for metric in parts.values())
    return {"total": Metric(total, "bytes", weakest_class(*parts.values())), **parts}


def measure_host_ram(record: RunRecord) -> dict[str, Metric]:
    """Return the arena that TensorFlow Lite Micro used on the host; nothing else is comparable.

    :raises ConsoleError: if the runtime did not report it.
    """
    if not record.arena_bytes:
        raise ConsoleError(
            "the runtime did not report its arena; install the version of tflite-micro that the "
            "extra 'emulation' asks for"
        )
    return {"arena": Metric(record.arena_bytes, "bytes", "exact")}


def peak_tensors(plan: Plan) -> tuple[ArenaTensor, ...]:
    """Return the tensors alive at the step that needs the most arena, largest first.

    Of several equal steps the earliest is taken.
    """
    steps = sorted({row.first for row in plan.arena_tensors})
    alive = [[row for row in plan.arena_tensors if row.first <= step <= row.last] for step in steps]
    fullest = max(alive, key=lambda live: sum(row.bytes for row in live), default=[])
    names = arena_names(plan)
    sizes: Counter[str] = Counter()
    for row in fullest:
        sizes[names[id(row)]] += row.bytes
    largest_first = sorted(sizes.items(), key=lambda item: (-item[1], item[0]))
    return tuple(ArenaTensor(name, size) for name, size in largest_first)
