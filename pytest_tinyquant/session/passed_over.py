"""Files that look like models and are not tested: a run says so, lest they be missed in silence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.models.model_search import passed_over
from pytest_tinyquant.system.plain_text import harmless


if TYPE_CHECKING:
    import pytest

    from pytest_tinyquant.session.run import Run


class NotTestedWarning(UserWarning):
    """A file in a folder of models looks like a model and is none that can be tested."""


def warn(config: pytest.Config, run: Run) -> None:
    """Warn of each such file of the project; the warnings stand below the results, even with -q."""
    if run.is_worker:
        return
    try:
        if not (run.project.models or run.settings.explicit):
            return
    except ConfigurationError:
        return
    for text in passed_over(run.settings.models_dir, run.settings.extra_models):
        warning = NotTestedWarning(harmless(text, one_line=True))
        config.issue_config_time_warning(warning, stacklevel=2)
