"""The tolerances that a run judges by: the user's over those of the metrics' descriptions.

Which one applies depends on the metric, on the class of its numbers, and on whether both sides were
built alike.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from dataclasses import replace
from typing import Any
from typing import Final

from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.errors import located
from pytest_tinyquant.metrics.registry import METRICS
from pytest_tinyquant.metrics.spec import MetricSpec
from pytest_tinyquant.metrics.tolerance import Tolerance


#: Prefix of the tolerances that hold when toolchain, converter or converted file differ.
OTHER_TOOLCHAIN: Final = "other_toolchain"

_TERM = re.compile(r"([0-9][0-9_]*(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)\s*(%|[A-Za-z]*)")

_GRAMMAR: Final = (
    "write such as 'latency:5%', 'flash:128B', 'ram:1%+64B', 'error:1e-4' or "
    "'other_toolchain.latency:10%'"
)


@dataclass(frozen=True)
class Tolerances:
    """The user's tolerances over the defaults; later layers win metric by metric.

    :param noise: what measured numbers that scatter need at least on the board; no tolerance of
        theirs is narrower.
    :param noise_of: the same by metric, of those that have a noise floor of their own.
    """

    metrics: Mapping[str, Tolerance]
    other_toolchain: Mapping[str, Tolerance]
    noise: Tolerance = field(default_factory=Tolerance)
    noise_of: Mapping[str, Tolerance] = field(default_factory=dict)

    @classmethod
    def of(cls, *layers: Mapping[str, Any]) -> Tolerances:
        """Merge ``layers``, each as :func:`parse_ini` or :func:`parse_mapping` accepts it.

        :raises ConfigurationError: if a layer has an unknown metric or a malformed slack.
        """
        metrics: dict[str, Tolerance] = {}
        other: dict[str, Tolerance] = {}
        for layer in layers:
            for key, tolerance in parse_mapping(layer).items():
                prefix, _, metric = key.rpartition(".")
                (other if prefix else metrics)[metric] = tolerance
        return cls(metrics, other)

    def over_noise(self, floors: Mapping[str, Tolerance]) -> Tolerances:
        """Return these tolerances on a board with noise floors.

        :param floors: by metric; ``""`` is that of the counts.
        """
        return replace(self, noise=floors.get("", Tolerance()), noise_of=floors)

    def find(
        self, metric: str, number_class: str, *, same_image: bool, same_build: bool
    ) -> Tolerance:
        """Return the tolerance of a metric.

        :param same_image: both numbers come from the very same firmware image.
        :param same_build: toolchain, converter and converted model are the same.
        """
        spec = METRICS[metric]
        default = spec.default_tolerance(number_class, same_image=same_image)
        tolerance = self.metrics.get(metric, default)
        if spec.has_noise(number_class):
            floor = self.noise_of.get(metric, Tolerance()) if spec.metered else self.noise
            tolerance = tolerance.widest(floor)
        if same_build:
            return tolerance
        return tolerance.widest(self.other_toolchain.get(metric, spec.other_build))


def parse_ini(lines: Iterable[str]) -> dict[str, Tolerance]:
    """Parse lines such as ``latency:5%`` from the ini file or the command line.

    :raises ConfigurationError: naming the line and the grammar.
    """
    found: dict[str, Any] = {}
    for line in filter(None, map(str.strip, lines)):
        key, colon, text = line.partition(":")
        if not colon:
            raise ConfigurationError(f"'{line}' is not a tolerance; {_GRAMMAR}")
        if key.strip() in found:
            raise ConfigurationError(f"'{key.strip()}' is given twice")
        found[key.strip()] = text
    return parse_mapping(found)


def parse_mapping(values: Mapping[str, Any]) -> dict[str, Tolerance]:
    """Parse tolerances from a model's TOML table or a marker's dict.

    ``{"latency": "5%", "error": 1e-4, "other_toolchain": {"latency": "10%"}}``; a bare number is
    an absolute slack. Keys of the result are ``latency`` or ``other_toolchain.latency``.

    :raises ConfigurationError: if a metric is unknown or a slack is malformed.
    """
    found: dict[str, Tolerance] = {}
    for key, value in values.items():
        if key == OTHER_TOOLCHAIN and isinstance(value, Mapping):
            nested = {f"{OTHER_TOOLCHAIN}.{metric}": slack for metric, slack in value.items()}
            found.update(parse_mapping(nested))
            continue
        metric = key.removeprefix(f"{OTHER_TOOLCHAIN}.")
        if metric not in METRICS:
            raise ConfigurationError(
                f"unknown metric '{key}'; known: {', '.join(METRICS)}; {_GRAMMAR}"
            )
        with located(key):
            found[key] = _slack(METRICS[metric], value)
    return found


def _slack(spec: MetricSpec, value: Any) -> Tolerance:
    if isinstance(value, Tolerance):
        return value
    if isinstance(value, str):
        return _parse_terms(spec, value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ConfigurationError(f"{value!r} is not a tolerance; {_GRAMMAR}")
    if not math.isfinite(value) or value < 0:
        raise ConfigurationError(f"{value} is not a slack; it is finite and not negative")
    if spec.whole and isinstance(value, float) and not value.is_integer():
        raise ConfigurationError(
            f"{value} would be an absolute slack in whole units; for a share write "
            f"'{value * 100:g}%'"
        )
    return Tolerance(absolute=float(value))


def _parse_terms(spec: MetricSpec, text: str) -> Tolerance:
    found: dict[str, float] = {}
    for term in re.split(r"(?<![eE])\+", text):
        match = _TERM.fullmatch(term.strip())
        units = spec.units
        if match is None or (match[2] != "%" and match[2] not in units):
            known = ", ".join(["%", *filter(None, units)])
            raise ConfigurationError(
                f"'{text.strip()}' is not a tolerance (units here: {known}); {_GRAMMAR}"
            )
        number = float(match[1])
        kind = "relative" if match[2] == "%" else "absolute"
        if kind in found or not math.isfinite(number):
            raise ConfigurationError(
                f"'{text.strip()}' needs one finite slack of each kind; {_GRAMMAR}"
            )
        found[kind] = number / 100 if kind == "relative" else number * units[match[2]]
    return Tolerance(**found)
