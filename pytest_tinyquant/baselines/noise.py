"""How far measurements of one image scatter on a board: its noise floor.

No gate can be narrower than what the board itself does between two runs of the same program. The
floor is measured, stored beside the board's baselines and multiplied by :data:`FACTOR`.
"""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from pathlib import Path
from typing import Any
from typing import Final

from pytest_tinyquant.errors import BaselineError
from pytest_tinyquant.metrics.text import number_text
from pytest_tinyquant.metrics.text import quantity_text
from pytest_tinyquant.metrics.tolerance import Tolerance
from pytest_tinyquant.system import scratch
from pytest_tinyquant.system.atomic import write_text
from pytest_tinyquant.system.json_text import parse_json
from pytest_tinyquant.system.regular_file import read_text


FILE_NAME: Final = "noise.json"

#: A series seldom shows its extremes: the range of 10 normally distributed values is about three
#: standard deviations, so that this is about nine of them.
FACTOR: Final = 3

#: The class of the counts; estimates do not scatter as a board does.
NUMBER_CLASS: Final = "measured"

_METRICS: Final = "metrics"
_KEYS: Final = ("model", "scheme", "unit", "toolchain", "counts")


@dataclass(frozen=True)
class NoiseFloor:
    """The counts of several runs of one image, each from reset.

    :param toolchain: compiler and version that built the image.
    :param counts: the median of each run, in ``unit``.
    :param metrics: the gating number of each run, by metric with a noise floor of its own.
    """

    model: str
    scheme: str
    unit: str
    toolchain: str
    counts: tuple[int, ...]
    metrics: Mapping[str, tuple[float, ...]] = field(default_factory=dict)

    @property
    def spread(self) -> int:
        """Return the distance from the fastest to the slowest run, in the counts' unit."""
        return max(self.counts) - min(self.counts)

    @property
    def relative(self) -> float:
        """Return the spread as a share of the median run."""
        return self.spread / statistics.median(self.counts)

    @property
    def tolerance(self) -> Tolerance:
        """Return the narrowest slack that a latency on this board can have.

        It is a share: cycles that scatter in a long run would hide everything in a short one.
        """
        return Tolerance(relative=FACTOR * self.relative)

    @property
    def tolerances(self) -> dict[str, Tolerance]:
        """Return the narrowest slack by metric; that of the counts is named ``""``."""
        own = {
            metric: Tolerance(relative=FACTOR * (max(runs) - min(runs)) / statistics.median(runs))
            for metric, runs in self.metrics.items()
        }
        return {"": self.tolerance, **own}

    def text(self) -> str:
        """Return the floor in words."""
        own = "".join(
            f"; {metric} {number_text(min(runs))} to {number_text(max(runs))}, "
            f"{(max(runs) - min(runs)) / statistics.median(runs):.4%} apart"
            for metric, runs in self.metrics.items()
        )
        return (
            f"{self.model}-{self.scheme}: {len(self.counts)} runs, "
            f"{number_text(min(self.counts))} to {quantity_text(max(self.counts), self.unit)}, "
            f"{self.relative:.4%} apart{own}"
        )


def noise_file(baselines: Path, board: str, target: str) -> Path:
    """Return where the noise floor of a board is stored."""
    return baselines / board / target / FILE_NAME


def noise_floors(baselines: Path, board: str, target: str) -> dict[str, Tolerance]:
    """Return what a board's noise floors ask for, by metric; nothing where none was measured.

    That of the counts is named ``""``.

    :raises BaselineError: the file is damaged.
    """
    floor = read_noise(noise_file(baselines, board, target))
    return floor.tolerances if floor else {}


def write_noise(file: Path, floor: NoiseFloor) -> None:
    """Store a board's noise floor.

    :raises BaselineError: the file cannot be written.
    """
    values = {"class": NUMBER_CLASS, **{key: getattr(floor, key) for key in _KEYS}}
    values |= {_METRICS: dict(floor.metrics)} if floor.metrics else {}
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with scratch.beside(file.parent) as staging:
            text = json.dumps(values, indent=2, sort_keys=True) + "\n"
            write_text(file, text, staging=staging)
    except OSError as error:
        raise BaselineError(
            f"noise floor {file} cannot be written ({error}); make {file.parent} writable"
        ) from error


def read_noise(file: Path) -> NoiseFloor | None:
    """Return a board's noise floor, None if none was measured.

    :raises BaselineError: the file is damaged, or its counts were not measured.
    """
    try:
        values = parse_json(read_text(file))
        counts = _counts(values["counts"])
        number_class = values.get("class", NUMBER_CLASS)
        words = {key: str(values[key]) for key in _KEYS[:-1]}
        own = {name: _numbers(runs) for name, runs in values.get(_METRICS, {}).items()}
        floor = NoiseFloor(**words, counts=counts, metrics=own)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except Exception as error:
        raise BaselineError(
            f"noise floor {file} is damaged ({error!r}); restore it from git, or measure it again "
            "with 'tinyquant noise'"
        ) from error
    if number_class != NUMBER_CLASS:
        raise BaselineError(
            f"noise floor {file}: its counts are of class {number_class!r}; a gate of measured "
            "numbers takes measured ones only. Measure it with 'tinyquant noise'"
        )
    return floor


def _counts(values: Sequence[object]) -> tuple[int, ...]:
    counts = tuple(value for value in values if type(value) is int and value > 0)
    if len(counts) != len(values) or len(counts) < 2:
        raise ValueError("counts are at least two positive whole numbers")
    return counts


def _numbers(values: Sequence[Any]) -> tuple[float, ...]:
    numbers = tuple(value for value in values if type(value) in (int, float))
    if len(numbers) != len(values) or len(numbers) < 2:
        raise ValueError("a metric's runs are at least two numbers")
    if not all(0 < number < math.inf for number in numbers):
        raise ValueError("a metric's runs are positive")
    return numbers
