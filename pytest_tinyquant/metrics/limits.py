"""Budgets: what a number may be at most or must be at least, whatever its baseline says.

A limit is written as text: ``flash = "50 KiB"``, ``latency = "2 ms"``, ``accuracy = ">= 0.90"``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import replace
from typing import Any
from typing import Final

from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.errors import located
from pytest_tinyquant.metrics.metric import Metric
from pytest_tinyquant.metrics.registry import METRICS
from pytest_tinyquant.metrics.text import quantity_text


#: Units that a limit may be written in: what it is in the unit of the numbers, and how many.
_UNITS: Final[Mapping[str, tuple[str, float]]] = {
    "": ("", 1),
    "B": ("bytes", 1),
    "byte": ("bytes", 1),
    "bytes": ("bytes", 1),
    "kB": ("bytes", 1000),
    "KiB": ("bytes", 1024),
    "MB": ("bytes", 1000**2),
    "MiB": ("bytes", 1024**2),
    "instructions": ("instructions", 1),
    "cycles": ("cycles", 1),
    "us": ("s", 1e-6),
    "ms": ("s", 1e-3),
    "s": ("s", 1),
    "uJ": ("uJ", 1),
    "mJ": ("uJ", 1e3),
}

#: Spellings with two meanings, and what to write.
_AMBIGUOUS: Final = {
    "KB": "kB (1,000 bytes) or KiB (1,024 bytes)",
    "kb": "kB (1,000 bytes) or KiB (1,024 bytes)",
    "Kb": "kB (1,000 bytes) or KiB (1,024 bytes)",
    "k": "kB (1,000 bytes) or KiB (1,024 bytes)",
    "K": "kB (1,000 bytes) or KiB (1,024 bytes)",
    "M": "MB (1,000,000 bytes) or MiB (1,048,576 bytes)",
    "mb": "MB (1,000,000 bytes) or MiB (1,048,576 bytes)",
}

_LIMIT: Final = re.compile(
    r"(?P<sign><=|>=)?\s*(?P<number>[0-9][0-9_,]*(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)\s*"
    r"(?P<unit>%|[A-Za-z]*)"
)
_GRAMMAR: Final = (
    "write such as '50 KiB', '120000 cycles', '2 ms' or '>= 0.90', with units bytes, kB, KiB, MiB, "
    "instructions, cycles, us, ms or s"
)


@dataclass(frozen=True)
class Limit:
    """A bound on one part of a metric.

    :param part: empty for the part that decides the metric's verdict.
    :param bound: in ``unit``; seconds where it is a time.
    :param unit: what the bound counts; empty where the text names no unit.
    :param at_least: the number must not be lower; otherwise not higher.
    :param text: as it was written.
    :param where: file and table, for messages.
    :param board: the board that it is about; empty for all.
    """

    metric: str
    part: str
    bound: float
    unit: str
    at_least: bool
    text: str
    where: str
    board: str = ""

    def holds(self, number: Metric) -> bool:
        """Tell whether a number, in the limit's unit, keeps it."""
        return number.value >= self.bound if self.at_least else number.value <= self.bound


@dataclass(frozen=True)
class LimitCheck:
    """A number beside its limit."""

    part: str
    number: Metric
    text: str
    where: str
    kept: bool
    headroom: float

    def line(self) -> str:
        """Return the check as messages and tables spell it."""
        number_class = "" if self.number.number_class == "exact" else f" {self.number.number_class}"
        number = quantity_text(self.number.value, self.number.unit)
        bound = f"limit {self.text} ({self.where})"
        return f"{self.part} {number}{number_class}, {bound}: {self.room_text()}"

    def room_text(self) -> str:
        """Return how far the number is from its limit, in words."""
        room = quantity_text(abs(self.headroom), self.number.unit)
        return f"{room} of head-room" if self.kept else f"OVER LIMIT by {room}"

    def to_json(self) -> dict[str, Any]:
        """Return the check as JSON types; :meth:`from_json` reverses it."""
        return {
            "part": self.part,
            "number": self.number.to_json(),
            "limit": self.text,
            "where": self.where,
            "kept": self.kept,
            "headroom": self.headroom,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> LimitCheck:
        """Rebuild a check from what :meth:`to_json` returned."""
        return cls(
            data["part"],
            Metric.from_json(data["number"]),
            data["limit"],
            data["where"],
            data["kept"],
            data["headroom"],
        )


def parse_limits(values: Mapping[str, Any], *, source: str) -> tuple[Limit, ...]:
    """Return the limits in a table ``[limit]``: by metric or by part of the metric error.

    A value is a text, or a table of texts by board.

    :param source: file and table; a limit remembers them.
    :raises ConfigurationError: for an unknown metric or unit, naming the key.
    """
    limits = []
    for name, value in values.items():
        by_board = value if isinstance(value, Mapping) else {"": value}
        for board, text in by_board.items():
            key = f"{source}: {name}{f'.{board}' if board else ''}"
            limits.append(_parse(name, board, text, key))
    return tuple(limits)


def parse_limit_lines(lines: Iterable[str], *, source: str) -> tuple[Limit, ...]:
    """Return the limits in ``METRIC:TEXT`` lines, as an ini key holds them.

    :param source: the key; a limit remembers it.
    """
    limits = []
    for line in filter(None, map(str.strip, lines)):
        name, colon, text = line.partition(":")
        if not colon:
            raise ConfigurationError(f"{source}: {line!r} is no limit; write METRIC:LIMIT")
        limits.append(_parse(name.strip(), "", text.strip(), f"{source}: {name.strip()}"))
    return tuple(limits)


def _parse(name: str, board: str, text: object, where: str) -> Limit:
    """Return a limit that remembers where it stands; so do errors."""
    with located(where):
        return replace(_read(name, text), where=where, board=board)


def _read(name: str, text: object) -> Limit:
    metric, part = _metric(name)
    match = _LIMIT.fullmatch(text.strip()) if isinstance(text, str) else None
    if match is None:
        raise ConfigurationError(f"{text!r} is no limit; {_GRAMMAR}")
    unit = match["unit"]
    if unit in _AMBIGUOUS:
        raise ConfigurationError(f"{text!r}: write {_AMBIGUOUS[unit]} for {unit!r}")
    number = float(match["number"].replace("_", "").replace(",", ""))
    if unit == "%":
        number, unit = number / 100, ""
    if unit not in _UNITS:
        raise ConfigurationError(f"{text!r}: unknown unit {unit!r}; {_GRAMMAR}")
    base, factor = _UNITS[unit]
    spec = METRICS[metric]
    higher = spec.higher_is_better(part or spec.primary)
    wanted = ">=" if higher else "<="
    if (match["sign"] or "<=") != wanted:
        more = "more" if higher else "less"
        value = f"{wanted} {match['number']} {match['unit']}".strip()
        raise ConfigurationError(f"{text!r}: {more} of it is better; write {value!r}")
    return Limit(metric, part, number * factor, base, match["sign"] == ">=", str(text).strip(), "")


def _metric(name: str) -> tuple[str, str]:
    """Return metric and part of a key: ``flash``, ``ram.arena``, or a figure like ``accuracy``."""
    metric, _, part = name.partition(".")
    if metric in METRICS:
        if part and METRICS[metric].part(part) is None:
            parts = ", ".join(METRICS[metric].part_names)
            raise ConfigurationError(f"{metric} has no part {part!r}; it has {parts}")
        return metric, part
    for candidate, spec in METRICS.items():
        if spec.part(name) is not None:
            return candidate, name
    raise ConfigurationError(
        f"unknown metric {metric!r}; limits are of {', '.join(METRICS)}, or of a figure "
        "of error such as accuracy"
    )
