"""The metrics that other plugins bring to a run, and take away with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest


if TYPE_CHECKING:
    from pytest_tinyquant.metrics.spec import MetricSpec

_REGISTERED: pytest.StashKey[list[str]] = pytest.StashKey()


def register_metrics(config: pytest.Config) -> None:
    """Add the metrics of all plugins.

    :raises pytest.UsageError: one of them cannot be added.
    """
    hook = config.hook.pytest_tinyquant_metrics
    if not hook.get_hookimpls():
        return  # every run of pytest comes here; most have no use for the registry
    from pytest_tinyquant.errors import ConfigurationError
    from pytest_tinyquant.metrics.registry import METRICS

    registered = config.stash[_REGISTERED] = []
    try:
        specs: list[MetricSpec] = [spec for found in hook(config=config) for spec in found or ()]
        for spec in specs:
            METRICS.register(spec)
            registered.append(spec.name)
    except ConfigurationError as error:
        raise pytest.UsageError(str(error)) from error


def unregister_metrics(config: pytest.Config) -> None:
    """Take out what :func:`register_metrics` added: another run in this process has its own."""
    for name in config.stash.get(_REGISTERED, ()):
        from pytest_tinyquant.metrics.registry import METRICS

        METRICS.unregister(name)
