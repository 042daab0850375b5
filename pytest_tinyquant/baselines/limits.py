"""Judges a measurement by its limits, apart from any baseline."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from pytest_tinyquant.baselines.verdict import FAILING
from pytest_tinyquant.baselines.verdict import Verdict
from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.measure.measurement import Measurement
from pytest_tinyquant.metrics.limits import Limit
from pytest_tinyquant.metrics.limits import LimitCheck
from pytest_tinyquant.metrics.metric import Metric
from pytest_tinyquant.metrics.registry import METRICS


def with_limits(verdict: Verdict, measurement: Measurement, limits: Iterable[Limit]) -> Verdict:
    """Return the verdict with every limit on its metric, over limit if one is exceeded.

    A verdict that fails for another reason keeps its status and tells what is over its limit, too.

    :raises ConfigurationError: a limit cannot be judged by what was measured.
    """
    checks = tuple(
        _check(limit, measurement)
        for limit in limits
        if limit.metric == verdict.metric and limit.board in ("", measurement.board)
    )
    if not checks:
        return verdict
    over = any(not check.kept for check in checks) and verdict.status not in FAILING
    return replace(verdict, limits=checks, status="over limit" if over else verdict.status)


def _check(limit: Limit, measurement: Measurement) -> LimitCheck:
    part = limit.part or measurement.gate_names(limit.metric)[0]
    number = measurement.metrics[limit.metric].get(part)
    if number is None:
        raise ConfigurationError(
            f"{limit.where}: {measurement.combination} has no {limit.metric}.{part}; it has "
            f"{', '.join(measurement.metrics[limit.metric])}"
        )
    if METRICS[limit.metric].higher_is_better(part) != limit.at_least:
        raise ConfigurationError(
            f"{limit.where}: {limit.text!r}: what decides {limit.metric} of "
            f"{measurement.combination} is {part}, of which more is better; write a limit on it "
            f"by its name, such as {part} = '>= 0.9'"
        )
    number = _in_unit(number, limit, measurement)
    room = number.value - limit.bound if limit.at_least else limit.bound - number.value
    return LimitCheck(part, number, limit.text, limit.where, limit.holds(number), room)


def _in_unit(number: Metric, limit: Limit, measurement: Measurement) -> Metric:
    """Return the number that the limit is about: itself, or an estimate in the limit's unit.

    :raises ConfigurationError: there is none in that unit, so nothing could be judged.
    """
    if limit.unit in ("", number.unit):
        return number
    for estimate in measurement.estimates:
        if estimate.metric == limit.metric and estimate.number.unit == limit.unit:
            return estimate.number
        if limit.unit == "s" and estimate.metric == limit.metric and estimate.milliseconds:
            return Metric(estimate.milliseconds / 1e3, "s", "estimated")
    clock = measurement.clock_hz
    if limit.unit == "s" and number.unit == "cycles" and clock:
        return Metric(number.value / clock, "s", number.number_class)
    raise ConfigurationError(
        f"{limit.where}: {limit.text!r} cannot be judged on {measurement.board} "
        f"({measurement.target}), which tells {limit.metric} in {number.unit}; give a limit in "
        f'{number.unit}, or one per board: {limit.metric} = {{ "{measurement.board}" = "..." }}'
    )
