"""What a history holds, whichever database keeps it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from typing import TYPE_CHECKING
from typing import Any
from typing import NamedTuple
from typing import Protocol


if TYPE_CHECKING:
    from pytest_tinyquant.measure.measurement import Measurement


@dataclasses.dataclass(frozen=True)
class RunRow:
    """One run.

    :param uid: unlike that of any other run.
    :param started: UTC, ISO 8601.
    :param revision: commit of the project; empty outside of git.
    :param changes: tracked files that differed from it.
    :param package: version of this package.
    """

    uid: str
    started: str
    revision: str
    changes: int
    package: str
    passed: bool


class MeasurementRow(NamedTuple):
    """Which combination was measured, and what with."""

    model: str
    scheme: str
    board: str
    target: str
    toolchain: str
    runtime: str
    kernels: str
    tflite_sha256: str
    image: str
    output_sha256: str


class NumberRow(NamedTuple):
    """One number of a measurement, and the verdict on it; empty for what is not judged."""

    metric: str
    part: str
    value: int | float
    unit: str
    number_class: str
    verdict: str


@dataclasses.dataclass(frozen=True)
class RunEntry:
    """A run with all its numbers, ready to be appended."""

    run: RunRow
    measurements: tuple[tuple[MeasurementRow, tuple[NumberRow, ...]], ...]

    @classmethod
    def of(
        cls,
        run: RunRow,
        measurements: Iterable[Measurement],
        verdicts: Mapping[tuple[str, str, str], str],
    ) -> RunEntry:
        """Return the entry of a run.

        :param verdicts: status by combination, metric and part.
        """
        return cls(run, tuple((_row(m), _numbers(m, verdicts)) for m in measurements))

    def to_json(self) -> dict[str, Any]:
        """Return the entry as JSON types; :meth:`from_json` reverses it."""
        return {"run": dataclasses.asdict(self.run), "measurements": self.measurements}

    @classmethod
    def from_json(cls, data: Any) -> RunEntry:
        """Rebuild an entry.

        :raises ValueError: `data` is none.
        """
        try:
            run = RunRow(**data["run"])
            pairs = tuple(
                (MeasurementRow(*row), tuple(NumberRow(*number) for number in numbers))
                for row, numbers in data["measurements"]
            )
        except (TypeError, KeyError, AttributeError) as error:
            raise ValueError(f"it is no run of a history ({error!r})") from None
        return cls(run, pairs)


@dataclasses.dataclass(frozen=True)
class Point:
    """One number of one run."""

    started: str
    revision: str
    changes: int
    value: int | float
    unit: str
    number_class: str
    verdict: str

    @property
    def where(self) -> str:
        """Return the revision as people read it, with a + for changes on top of it."""
        return (self.revision[:10] or "no revision") + ("+" if self.changes else "")


@dataclasses.dataclass(frozen=True)
class Series:
    """A number of one combination over all runs that have it, oldest first."""

    model: str
    scheme: str
    board: str
    target: str
    points: tuple[Point, ...]

    @property
    def combination(self) -> str:
        """Return the combination as test ids spell it, and how its board was reached."""
        return f"{self.model}-{self.scheme}-{self.board} {self.target}"


class HistoryStore(Protocol):
    """What keeps runs: a file, or a database server.

    Each method raises ConfigurationError where the database cannot be used.
    """

    name: str
    """As messages spell it; without a password."""

    def append(self, entry: RunEntry) -> None:
        """Add a run with all its numbers, or nothing."""

    def series(self, metric: str, part: str) -> list[Series]:
        """Return a number of every combination, sorted by name."""

    def close(self) -> None:
        """Let go of the database; may be called twice."""


def series_of(rows: Iterable[Sequence[Any]]) -> list[Series]:
    """Return rows of model, scheme, board, target and a point's fields as one series each."""
    found: dict[tuple[str, str, str, str], list[Point]] = {}
    for model, scheme, board, target, *point in rows:
        found.setdefault((model, scheme, board, target), []).append(Point(*point))
    return [Series(*names, tuple(points)) for names, points in found.items()]


def _row(m: Measurement) -> MeasurementRow:
    identity = m.identity
    return MeasurementRow(
        *(m.model, m.scheme, m.board, m.target, m.toolchain),
        *(identity["runtime"], identity["kernels"], identity["tflite_sha256"]),
        *(identity.get("image", ""), m.output_sha256),
    )


def _numbers(m: Measurement, verdicts: Mapping[tuple[str, str, str], str]) -> tuple[NumberRow, ...]:
    name = m.combination.lower()
    return tuple(
        NumberRow(
            *(metric, part, number.value, number.unit, number.number_class),
            verdicts.get((name, metric, part), ""),
        )
        for metric, parts in m.metrics.items()
        for part, number in parts.items()
    )
