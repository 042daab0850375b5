"""How often classes were taken for each other, by the names that a model's own file gives them."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Iterator
from typing import TYPE_CHECKING
from typing import Final

from pytest_tinyquant.report.section import Section


if TYPE_CHECKING:
    from pytest_tinyquant.measure.measurement import Measurement

#: Classes of a matrix that a page can show; the JSON report has it whole.
MOST_CLASSES: Final = 20


def confusions(measurements: Iterable[Measurement]) -> Iterator[Section]:
    """Yield a section for each combination whose classes have names, one for each of them."""
    for measurement in measurements:
        names, matrix = measurement.class_names, measurement.confusion
        if names and len(names) == len(matrix) <= MOST_CLASSES:
            rows = [(name, *map(str, counts)) for name, counts in zip(names, matrix, strict=True)]
            yield Section(
                f"{measurement.combination}: classes taken for each other",
                ("samples of", *names),
                rows,
                "each row is a class, each column what its samples were taken for",
            )
