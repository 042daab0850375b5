"""How much worse a number may be than its baseline.

A tolerance is a relative and an absolute slack together: a regression exceeds both. Which one
applies depends on the metric, on the class of its numbers, and on whether both sides were built
alike.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from typing import Final

from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.metrics.specs import PARTS


#: Prefix of the tolerances that hold when toolchain, converter or converted file differ.
OTHER_TOOLCHAIN: Final = "other_toolchain"

_UNITS: Final = {
    "error": {"": 1},
    "latency": {"": 1, "instructions": 1, "cycles": 1},
    "flash": {"": 1, "B": 1, "bytes": 1, "KiB": 1024},
    "ram": {"": 1, "B": 1, "bytes": 1, "KiB": 1024},
}

_TERM = re.compile(r"([0-9][0-9_]*(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)\s*(%|[A-Za-z]*)")

_GRAMMAR: Final = (
    "write such as 'latency:5%', 'flash:128B', 'ram:1%+64B', 'error:1e-4' or "
    "'other_toolchain.latency:10%'"
)


@dataclass(frozen=True)
class Tolerance:
    """Slack that a number has above its baseline; the larger of the two counts.

    :param relative: share of the baseline's value.
    :param absolute: in the metric's unit.
    """

    relative: float = 0.0
    absolute: float = 0.0

    def slack(self, baseline: float) -> float:
        """Return by how much a value may exceed ``baseline``."""
        return max(self.relative * abs(baseline), self.absolute)

    def widest(self, other: Tolerance) -> Tolerance:
        """Return the tolerance that lets pass whatever either of the two does."""
        return Tolerance(max(self.relative, other.relative), max(self.absolute, other.absolute))

    def text(self, unit: str = "") -> str:
        """Return the tolerance as messages spell it: ``0``, ``1 %``, ``128 bytes`` or both."""
        terms = []
        if self.relative:
            terms.append(f"{self.relative * 100:.6g} %")
        if self.absolute:
            terms.append(f"{self.absolute:,.6g} {unit}".rstrip())
        return " or ".join(terms) or "0"


#: Tolerances by metric and number class. Estimates are not gated: no entry.
#:
#: The error of one set of output bytes is exact, but its reference is a float model whose last
#: bits depend on the host's vector unit: 1e-6 of range is ten times float32's resolution and
#: three orders of magnitude below one step of an 8-bit output (4e-3). Of repeated measurements
#: of one image the study saw scatters of up to 20 cycles and, above 1 ms, 0.04 %: 64 cycles and
#: 0.1 % are three times that. A measured RAM total holds a stack that an interrupt may have
#: deepened by one exception frame with floating point (104 bytes).
DEFAULTS: Final[Mapping[tuple[str, str], Tolerance]] = {
    ("error", "exact"): Tolerance(absolute=1e-6),
    ("latency", "exact"): Tolerance(),
    ("latency", "measured"): Tolerance(relative=0.001, absolute=64),
    ("flash", "exact"): Tolerance(),
    ("ram", "exact"): Tolerance(),
    ("ram", "measured"): Tolerance(absolute=128),
}

#: Measured latency of an image built anew: code and data may be aligned otherwise.
REBUILT: Final = Tolerance(relative=0.01, absolute=64)

#: Tolerances when the toolchain differs, the converter, or the file it made of the same model.
#: Neighbouring compiler releases stay within 5 % on these kernels; calibration on another CPU
#: may move a quantization scale by its last bits, which flips single output steps.
DEFAULTS_OTHER: Final[Mapping[str, Tolerance]] = {
    "error": Tolerance(relative=0.10, absolute=1e-4),
    "latency": Tolerance(relative=0.05),
    "flash": Tolerance(relative=0.05, absolute=256),
    "ram": Tolerance(relative=0.05, absolute=256),
}


@dataclass(frozen=True)
class Tolerances:
    """The user's tolerances over the defaults; later layers win metric by metric.

    :param noise: what measured latencies on the board need at least; no tolerance is narrower.
    """

    metrics: Mapping[str, Tolerance]
    other_toolchain: Mapping[str, Tolerance]
    noise: Tolerance = Tolerance()

    @classmethod
    def of(cls, *layers: Mapping[str, Any], where: str = "tolerance") -> Tolerances:
        """Merge ``layers``, each as :func:`parse_ini` or :func:`parse_mapping` accepts it.

        :raises ConfigurationError: if a layer has an unknown metric or a malformed slack.
        """
        metrics: dict[str, Tolerance] = {}
        other: dict[str, Tolerance] = {}
        for layer in layers:
            for key, tolerance in parse_mapping(layer, where=where).items():
                prefix, _, metric = key.rpartition(".")
                (other if prefix else metrics)[metric] = tolerance
        return cls(metrics, other)

    def find(
        self, metric: str, number_class: str, *, same_image: bool, same_build: bool
    ) -> Tolerance:
        """Return the tolerance of a metric.

        :param same_image: both numbers come from the very same firmware image.
        :param same_build: toolchain, converter and converted model are the same.
        """
        default = DEFAULTS.get((metric, number_class), Tolerance())
        if number_class == "measured" and metric == "latency" and not same_image:
            default = REBUILT
        tolerance = self.metrics.get(metric, default)
        if number_class == "measured" and metric == "latency":
            tolerance = tolerance.widest(self.noise)
        if same_build:
            return tolerance
        return tolerance.widest(self.other_toolchain.get(metric, DEFAULTS_OTHER[metric]))


def parse_ini(lines: Iterable[str], *, where: str) -> dict[str, Tolerance]:
    """Parse lines such as ``latency:5%`` from the ini file or the command line.

    :raises ConfigurationError: naming the line and the grammar.
    """
    found: dict[str, Any] = {}
    for line in filter(None, map(str.strip, lines)):
        key, colon, text = line.partition(":")
        if not colon:
            raise ConfigurationError(f"{where}: '{line}' is not a tolerance; {_GRAMMAR}")
        if key.strip() in found:
            raise ConfigurationError(f"{where}: '{key.strip()}' is given twice")
        found[key.strip()] = text
    return parse_mapping(found, where=where)


def parse_mapping(values: Mapping[str, Any], *, where: str) -> dict[str, Tolerance]:
    """Parse tolerances from a model's TOML table or a marker's dict.

    ``{"latency": "5%", "error": 1e-4, "other_toolchain": {"latency": "10%"}}``; a bare number is
    an absolute slack. Keys of the result are ``latency`` or ``other_toolchain.latency``.

    :raises ConfigurationError: if a metric is unknown or a slack is malformed.
    """
    found: dict[str, Tolerance] = {}
    for key, value in values.items():
        if key == OTHER_TOOLCHAIN and isinstance(value, Mapping):
            nested = {f"{OTHER_TOOLCHAIN}.{metric}": slack for metric, slack in value.items()}
            found.update(parse_mapping(nested, where=where))
            continue
        metric = key.removeprefix(f"{OTHER_TOOLCHAIN}.")
        if metric not in PARTS:
            raise ConfigurationError(
                f"{where}: unknown metric '{key}'; known: {', '.join(PARTS)}; {_GRAMMAR}"
            )
        found[key] = _slack(metric, value, f"{where}: {key}")
    return found


def _slack(metric: str, value: Any, where: str) -> Tolerance:
    if isinstance(value, Tolerance):
        return value
    if isinstance(value, str):
        return _parse_terms(metric, value, where)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ConfigurationError(f"{where}: {value!r} is not a tolerance; {_GRAMMAR}")
    if not math.isfinite(value) or value < 0:
        raise ConfigurationError(f"{where}: {value} is not a slack; it is finite and not negative")
    if metric != "error" and isinstance(value, float) and not value.is_integer():
        raise ConfigurationError(
            f"{where}: {value} would be an absolute slack in whole units; for a share write "
            f"'{value * 100:g}%'"
        )
    return Tolerance(absolute=float(value))


def _parse_terms(metric: str, text: str, where: str) -> Tolerance:
    found: dict[str, float] = {}
    for term in re.split(r"(?<![eE])\+", text):
        match = _TERM.fullmatch(term.strip())
        units = _UNITS[metric]
        if match is None or (match[2] != "%" and match[2] not in units):
            known = ", ".join(["%", *filter(None, units)])
            raise ConfigurationError(
                f"{where}: '{text.strip()}' is not a tolerance (units here: {known}); {_GRAMMAR}"
            )
        number = float(match[1])
        kind = "relative" if match[2] == "%" else "absolute"
        if kind in found or not math.isfinite(number):
            raise ConfigurationError(
                f"{where}: '{text.strip()}' needs one finite slack of each kind; {_GRAMMAR}"
            )
        found[kind] = number / 100 if kind == "relative" else number * units[match[2]]
    return Tolerance(**found)
