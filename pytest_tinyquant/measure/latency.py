"""Latency of one invoke, whole and by operator, as the device counted it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING
from typing import cast

from pytest_tinyquant.errors import ConsoleError
from pytest_tinyquant.measure.measurement import OpCount
from pytest_tinyquant.metrics.metric import Metric
from pytest_tinyquant.metrics.metric import NumberClass


if TYPE_CHECKING:
    from pytest_tinyquant.boards.device import RunRecord
    from pytest_tinyquant.engine import PlanOp
    from pytest_tinyquant.measure.observation import Observation


def measure(observation: Observation) -> dict[str, Metric]:
    """Return the count of one invoke; see :func:`measure_latency`."""
    return measure_latency(observation.record)


def measure_latency(record: RunRecord) -> dict[str, Metric]:
    """Return the invoke's count and the part of it spent between the operators.

    Where the invoke was repeated its count is the median, and ``spread`` the distance from the
    fastest to the slowest run.

    :raises ConsoleError: if the device reported no count, or one that cannot be.
    """
    if record.counter is None or record.counter <= 0:
        raise ConsoleError(
            f"the device counted {record.counter} {record.counter_unit} for one invoke; "
            "its counter does not run; reset the board, and check its firmware's tq_board_init"
        )
    # Measured counts of two passes may cross by their scatter; exact ones cannot.
    if record.counter_class == "exact" and not 0 <= record.walk_counter <= record.counter:
        raise ConsoleError(
            f"the operators took {record.counter - record.walk_counter} "
            f"{record.counter_unit}, more than the whole invoke's {record.counter}; something "
            "else on the board changes its counter"
        )
    number_class = cast(NumberClass, record.counter_class)
    metrics = {
        "invoke": Metric(record.counter, record.counter_unit, number_class),
        "walk": Metric(record.walk_counter, record.counter_unit, number_class),
    }
    if record.repeats:
        spread = max(record.repeats) - min(record.repeats)
        metrics["spread"] = Metric(spread, record.counter_unit, number_class)
    return metrics


def count_ops(record: RunRecord, ops: Sequence[PlanOp | OpCount]) -> tuple[OpCount, ...]:
    """Pair the device's per-operator counts with the operators that it executed.

    :raises ConsoleError: if the device reported another number of operators, or nothing for one.
    """
    if len(record.op_counters) != len(ops):
        raise ConsoleError(
            f"the device counted {len(record.op_counters)} operators, the model has "
            f"{len(ops)}; the image on the device is not the one that was built: reset the board "
            "and run again"
        )
    for op, count in zip(ops, record.op_counters, strict=True):
        # Measured counts may be as small as what reading the counter costs; exact ones cannot.
        if count < 0 or (count == 0 and record.counter_class == "exact"):
            raise ConsoleError(
                f"the device counted {count} {record.counter_unit} for {op.label}; its "
                "counter does not run"
            )
    return tuple(
        OpCount(op.label, op.kernel, tuple(op.output_shape), count)
        for op, count in zip(ops, record.op_counters, strict=True)
    )
