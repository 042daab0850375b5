"""The metric `compressed`: what steps leave in the weights, and what that is worth in transport."""

from __future__ import annotations

from typing import Any

from pytest_tinyquant.metrics.metric import Metric
from pytest_tinyquant.metrics.spec import MetricSpec
from pytest_tinyquant.metrics.spec import Part
from pytest_tinyquant.models.weights import gzip_bytes
from pytest_tinyquant.models.weights import weight_facts


def measure(observation: Any) -> dict[str, Metric]:
    """Return the file's size by gzip, the zeros of the layer with fewest, values of one output."""
    facts = weight_facts(observation.graph)
    data = observation.converted.read()
    return {
        "gzip": Metric(gzip_bytes(data), "bytes", "exact"),
        "file": Metric(len(data), "bytes", "exact"),
        "zeros": Metric(round(min(fact.sparsity for fact in facts), 4), "1", "exact"),
        "values": Metric(max(fact.unique_per_output for fact in facts), "1", "exact"),
    }


def pytest_tinyquant_metrics() -> list[MetricSpec]:
    """Add the metric."""
    return [
        MetricSpec(
            name="compressed",
            title="Compressed",
            description="The model's file, compressed by gzip, as an update over the air.",
            parts=(
                Part("gzip", gates=True),
                Part("file"),
                Part("zeros", higher_is_better=True),
                Part("values"),
            ),
            classes={"host": "exact", "emulator": "exact"},
            measure=measure,
            units={"": 1, "B": 1, "kB": 1000},
            whole=True,
        )
    ]
