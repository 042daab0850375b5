"""What the reports say where TensorFlow Lite's interpreter doubts a foreign file's reference."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING
from typing import Final

from pytest_tinyquant.report.section import Section


if TYPE_CHECKING:
    from pytest_tinyquant.measure.measurement import Measurement

TITLE: Final = "TensorFlow Lite's interpreter differs"
TEXT: Final = (
    "from TensorFlow Lite Micro, the reference of a .tflite file that others made; 'optimized' are "
    "the interpreter's default kernels"
)
COLUMNS: Final = ("model", "kernels", "largest difference", "first operator that differs")


def second_opinions(measurements: Iterable[Measurement]) -> list[Section]:
    """Return the section on files of which the two runtimes give other outputs; none without."""
    rows = {
        (
            measurement.model,
            each.kernels,
            f"{each.amount} ({each.output})",
            each.operator or f"none: {each.why_none}",
        )
        for measurement in measurements
        for each in measurement.disagreements
    }
    # Boards share a model's reference.
    return [Section(TITLE, COLUMNS, sorted(rows), TEXT)] if rows else []
