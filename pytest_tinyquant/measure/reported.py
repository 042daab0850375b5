"""Numbers that a compiler or a vendor's tool reported of a model, in place of a run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING
from typing import Any

from pytest_tinyquant.boards.device import ReportedImage
from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.measure.measurement import Estimate
from pytest_tinyquant.measure.measurement import OpCount
from pytest_tinyquant.metrics.built_in import BANDWIDTH
from pytest_tinyquant.metrics.built_in import MACC
from pytest_tinyquant.metrics.metric import Metric


if TYPE_CHECKING:
    from pytest_tinyquant.measure.observation import Observation
    from pytest_tinyquant.metrics.spec import MetricSpec


def reported(spec: MetricSpec, observation: Observation) -> Mapping[str, Metric] | None:
    """Return the parts of a metric that a tool reported; None where the run itself tells."""
    image = observation.image
    return image.figures.get(spec.name) if isinstance(image, ReportedImage) else None


def measure_bandwidth(observation: Observation) -> Mapping[str, Metric]:
    """Return what is moved to and from the memories, which only a compiler reports.

    :raises ConfigurationError: nothing reported it.
    """
    return _reported_only(BANDWIDTH, observation)


def measure_macc(observation: Observation) -> Mapping[str, Metric]:
    """Return the multiply-accumulates of one inference, which only a vendor's tool reports.

    :raises ConfigurationError: nothing reported them.
    """
    return _reported_only(MACC, observation)


def _reported_only(spec: MetricSpec, observation: Observation) -> Mapping[str, Metric]:
    found = reported(spec, observation)
    if found is None:
        raise ConfigurationError(
            f"{observation.name}: nothing tells the {spec.name} of board "
            f"'{observation.board.name}'; take it out of its metrics in boards.toml"
        )
    return found


def facts_of(image: ReportedImage) -> dict[str, Any]:
    """Return the fields of a measurement that a tool's report fills."""
    return {
        "toolchain": image.tool,
        "ops": tuple(OpCount(each.label, each.kernel, (), each.count) for each in image.layers),
        "estimates": tuple(
            Estimate(metric, number, source) for metric, (number, source) in image.told.items()
        ),
        "unjudged": dict(image.unjudged),
        "remarks": dict(image.remarks),
    }
