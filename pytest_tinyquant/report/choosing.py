"""Which scheme to take: what each costs and what it loses, for one model on one board."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from typing import TYPE_CHECKING
from typing import Final

from pytest_tinyquant.measure.measurement import Measurement
from pytest_tinyquant.metrics.metric import Metric
from pytest_tinyquant.metrics.registry import METRICS
from pytest_tinyquant.project.known_issues import KnownIssue
from pytest_tinyquant.project.known_issues import find
from pytest_tinyquant.schemes.scheme import SCHEMES
from pytest_tinyquant.stages.gap_figures import GapFigures
from pytest_tinyquant.stages.gap_figures import gap_figures


if TYPE_CHECKING:
    from pytest_tinyquant.session.run import Run

#: The scheme that the others are held against: the model before quantization.
REFERENCE: Final = "basic"

#: What a scheme may lose and still count as good: of accuracy, or of the output's range.
SLACK: Final = 0.01

#: Said below a table that has figures of known gaps.
ELSEWHERE: Final = (
    "In parentheses: by TensorFlow Lite's interpreter on this computer, not run on the board"
)


@dataclass(frozen=True)
class Option:
    """One scheme.

    :param numbers: by column: those of :func:`costs` and :func:`qualities` that there are.
    :param gap: why the scheme is known not to work here; it has no numbers then.
    :param elsewhere: of a known gap, how good it is in TensorFlow Lite's interpreter, which is no
        board: it is never the best, dominates nothing and is never proposed.
    """

    scheme: str
    numbers: Mapping[str, Metric] = field(default_factory=dict)
    gap: str = ""
    elsewhere: Mapping[str, Metric] = field(default_factory=dict)


@dataclass(frozen=True)
class Choice:
    """The schemes of one model on one board, in their usual order.

    :param drawn_data: the samples were drawn at random: no figure says how good the model is.
    """

    model: str
    board: str
    target: str
    options: tuple[Option, ...]
    drawn_data: bool = False

    @property
    def title(self) -> str:
        """What the table is of, and whether its figures can say how good the model is."""
        where = "" if self.target == self.board else f" ({self.target})"
        drawn = "; samples drawn at random" if self.drawn_data else ""
        return f"{self.model} on {self.board}{where}{drawn}"

    @property
    def columns(self) -> tuple[str, ...]:
        """The numbers that at least one scheme has: quality first, then the costs."""
        return tuple(
            name
            for name in (*qualities(), *costs())
            if any(name in option.numbers for option in self.options)
        )

    @property
    def quality_columns(self) -> tuple[str, ...]:
        """Those of the columns that tell how good a scheme is; they stand first."""
        return tuple(name for name in self.columns if name in qualities())

    @property
    def is_alone(self) -> bool:
        """Whether one scheme was measured, so that none is better than another."""
        return sum(bool(option.numbers) for option in self.options) < 2

    @property
    def note(self) -> str:
        """What figures in parentheses are; empty if there are none."""
        return ELSEWHERE if any(option.elsewhere for option in self.options) else ""

    @property
    def quality(self) -> str:
        """What tells how good a scheme is; empty if nothing does."""
        return next((name for name in qualities() if name in self.columns), "")

    def relative(self, option: Option, column: str) -> float | None:
        """Return a number's ratio to the reference's; None where there is none or units differ."""
        base = self._reference(column)
        number = option.numbers.get(column)
        if base is None or number is None or not base.value or not _comparable(base, number):
            return None
        return number.value / base.value

    def best(self, column: str) -> frozenset[str]:
        """Return the schemes whose number is the best; none if units or classes are mixed."""
        numbers = {o.scheme: o.numbers[column] for o in self.options if column in o.numbers}
        if len({(n.unit, n.number_class) for n in numbers.values()}) != 1:
            return frozenset()
        pick = max if qualities().get(column, False) else min
        value = pick(n.value for n in numbers.values())
        return frozenset(scheme for scheme, n in numbers.items() if n.value == value)

    def wins(self, option: Option, column: str) -> bool:
        """Tell whether a scheme is the best in a column, where there is another one."""
        return not self.is_alone and option.scheme in self.best(column)

    def dominated(self, option: Option) -> bool:
        """Tell whether another scheme is as good and as cheap in everything, and better in one."""
        return any(
            _dominates(other, option, self.columns) for other in self.options if other is not option
        )

    def sentence(self, slack: float = SLACK) -> str:
        """Return which scheme is the cheapest of those that lose next to nothing; or empty.

        :param slack: what may be lost, of accuracy or of the output's range.
        """
        if self.is_alone:
            return ""
        good = [option for option in self.options if self._is_good(option, slack)]
        spent = [name for name in costs() if name in self.columns]
        won: dict[str, list[str]] = {}
        for cost in spent:
            for scheme in Choice(self.model, self.board, self.target, tuple(good)).best(cost):
                won.setdefault(scheme, []).append(costs()[cost])
        if not won:
            return ""
        scheme = max(won, key=lambda name: len(won[name]))
        words = " and ".join(filter(None, (", ".join(won[scheme][:-1]), won[scheme][-1])))
        within = (
            f"within {slack:.0%} of {REFERENCE}'s {self.quality}"
            if qualities()[self.quality]
            else f"of those with an error below {slack:.0%} of the output's range"
        )
        return f"{scheme}: {words} {within}"

    def _reference(self, column: str) -> Metric | None:
        return next((o.numbers.get(column) for o in self.options if o.scheme == REFERENCE), None)

    def _is_good(self, option: Option, slack: float) -> bool:
        number = option.numbers.get(self.quality)
        if number is None:
            return False
        if not qualities()[self.quality]:
            return number.value <= slack
        base = self._reference(self.quality)
        return base is not None and number.value >= base.value - slack


def costs() -> dict[str, str]:
    """Return what a scheme costs, by metric, and what the cheapest is called."""
    return {name: spec.least for name, spec in METRICS.items() if spec.least}


def qualities() -> dict[str, bool]:
    """Return what tells how good a scheme is, the most telling first, and if more is better."""
    return {part: spec.higher_is_better(part) for spec in METRICS.values() for part in spec.quality}


def choices(
    measurements: Iterable[Measurement],
    known_issues: Sequence[KnownIssue] = (),
    runtimes: Mapping[str, str] | None = None,
    elsewhere: GapFigures | None = None,
    *,
    least: int = 2,
) -> tuple[Choice, ...]:
    """Return one choice per model, board and target with at least two schemes measured.

    :param known_issues: rows that say which schemes are known not to work.
    :param runtimes: the runtime of every board, by name; boards left out have no gaps.
    :param elsewhere: gives the figures of a known gap by model and scheme.
    :param least: how many schemes must be measured; with 1 there are choices that are none.
    """
    grouped: dict[tuple[str, str, str], dict[str, Measurement]] = {}
    for m in measurements:
        grouped.setdefault((m.model, m.board, m.target), {})[m.scheme] = m
    found = []
    for (model, board, target), by_scheme in sorted(grouped.items()):
        if len(by_scheme) < least:
            continue
        names = [*SCHEMES, *sorted(set(by_scheme) - set(SCHEMES))]
        options = []
        for scheme in names:
            if scheme in by_scheme:
                options.append(Option(scheme, _numbers(by_scheme[scheme])))
                continue
            runtime = (runtimes or {}).get(board)
            row = runtime and find(
                known_issues, model=model, scheme=scheme, board=board, runtime=runtime
            )
            if row:
                figures = elsewhere(model, scheme) if elsewhere else {}
                gap = f"{_names(row)}: {row.reason}"
                options.append(Option(scheme, gap=gap, elsewhere=figures))
        drawn = any(m.drawn_data for m in by_scheme.values())
        found.append(Choice(model, board, target, tuple(options), drawn))
    return tuple(found)


def _names(row: KnownIssue) -> str:
    return " or ".join(error.__name__ for error in row.raises)


def choices_of(run: Run) -> tuple[Choice, ...]:
    """Return the choices that a run's measurements offer."""
    runtimes = {name: board.runtime for name, board in run.project.boards.items()}
    return choices(
        run.outcomes.measurements(), run.project.known_issues, runtimes, gap_figures(run.project)
    )


def _numbers(measurement: Measurement) -> dict[str, Metric]:
    """Return a measurement's columns."""
    numbers: dict[str, Metric] = {}
    for name, spec in METRICS.items():
        parts = measurement.metrics.get(name, {})
        numbers.update((part, parts[part]) for part in spec.quality if part in parts)
        if spec.least and parts:
            numbers.update((name, number) for number in [*measurement.gating(name).values()][:1])
    return numbers


def _comparable(one: Metric, other: Metric) -> bool:
    return (one.unit, one.number_class) == (other.unit, other.number_class)


def _dominates(one: Option, other: Option, columns: Sequence[str]) -> bool:
    """Tell whether `one` is nowhere worse than `other` and somewhere better."""
    better = False
    for column in columns:
        mine, theirs = one.numbers.get(column), other.numbers.get(column)
        if mine is None or theirs is None or not _comparable(mine, theirs):
            return False
        sign = -1 if qualities().get(column, False) else 1
        if sign * mine.value > sign * theirs.value:
            return False
        better = better or mine.value != theirs.value
    return better
