"""Every metric there is, by name; each is described once, in a :class:`MetricSpec`.

To add a metric to this package, write

1. a function that takes an :class:`~pytest_tinyquant.measure.observation.Observation` (what one run
   of one combination left) and returns its numbers by part, in a module of ``measure/``;
2. a :class:`MetricSpec` in :mod:`~pytest_tinyquant.metrics.built_in` that names the function and
   says how its numbers are judged, explained and shown; list it in ``BUILT_IN``.

A board has it once the ``metrics`` of its table in boards.toml name it. Nothing else is to be
changed: baselines, tolerances, history, differences and reports take what they know of a metric
from its description.

Another plugin, or a project's conftest.py, does the same from outside::

    def pytest_tinyquant_metrics():
        return [MetricSpec(name="heat", measure=heat, ...)]

To add a part to a metric, add it to the ``parts`` of its description and have its function return
it. A part whose name is only known at run time (a recall per class) is described once for all,
with ``*`` at its end: ``Part("recall_*", higher_is_better=True)``.
"""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from typing import Final

from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.metrics.built_in import BUILT_IN
from pytest_tinyquant.metrics.spec import MetricSpec


class MetricRegistry(Mapping[str, MetricSpec]):
    """Metrics by name, in the order in which reports show them."""

    def __init__(self, specs: Iterable[MetricSpec]) -> None:
        self._specs = {spec.name: spec for spec in specs}

    def __getitem__(self, name: str) -> MetricSpec:
        return self._specs[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._specs)

    def __len__(self) -> int:
        return len(self._specs)

    def register(self, spec: MetricSpec) -> None:
        """Add a metric, after those that are there.

        :raises ConfigurationError: there is another one of that name.
        """
        if self._specs.setdefault(spec.name, spec) is not spec:
            raise ConfigurationError(
                f"metric '{spec.name}' is described twice; rename one, or disable the plugin that "
                "brings it (-p no:NAME)"
            )

    def unregister(self, name: str) -> None:
        """Take out a metric that :meth:`register` added; nothing happens if it is not there."""
        self._specs.pop(name, None)

    def judged_by(self, test_name: str) -> str | None:
        """Return the metric that a test is named after: ``latency`` for ``test_small_latency``."""
        named = [name for name in self if f"_{test_name}".endswith(f"_{name}")]
        return max(named, key=len, default=None)

    def on(self, target: str) -> tuple[str, ...]:
        """Return the metrics that can be measured where ``target`` says."""
        return tuple(name for name, spec in self.items() if target in spec.classes)


#: The metrics of this process: built in, then those of plugins.
METRICS: Final = MetricRegistry(BUILT_IN)
