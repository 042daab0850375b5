"""What plugins and conftest files add to the current project, for a command outside of a run."""

from __future__ import annotations

import contextlib
import io

import pytest

from pytest_tinyquant.session.plugin_metrics import register_metrics


class _Loader:
    """Has pytest read its plugins and the project's conftest files, and end there."""

    @pytest.hookimpl(tryfirst=True)
    def pytest_cmdline_main(self, config: pytest.Config) -> int:
        register_metrics(config)
        return 0


def load_plugins() -> None:
    """Register the metrics that a run of pytest in this directory would know.

    A project whose pytest does not start has none of its own; its baselines of other metrics can be
    looked at all the same.
    """
    with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()):
        pytest.main([], plugins=[_Loader()])
