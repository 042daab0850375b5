"""What pytest knows of the current project, for a command outside of a run.

pytest itself is asked, so that a command sees what a run would: the same root, ini keys, options in
``addopts`` and ``PYTEST_ADDOPTS``, plugins and conftest files.
"""

from __future__ import annotations

import contextlib
import io
import sys
from typing import TYPE_CHECKING

import pytest

from pytest_tinyquant.cli.current_project import default_settings
from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.session.options import read_settings
from pytest_tinyquant.session.plugins import register_all


if TYPE_CHECKING:
    from pytest_tinyquant.project.settings import Settings


class _Loader:
    """Has pytest read its plugins and the project's conftest files, and end there.

    :attr settings: what they say; None if pytest did not come that far.
    :attr wrong: what is wrong with them, if it is this plugin that refuses them.
    """

    def __init__(self) -> None:
        self.settings: Settings | None = None
        self.wrong: pytest.UsageError | None = None

    @pytest.hookimpl(tryfirst=True)
    def pytest_cmdline_main(self, config: pytest.Config) -> int:
        try:
            register_all(config)
            settings = read_settings(config)
        except pytest.UsageError as error:
            self.wrong = error
            return 0
        if config.inipath is None:  # then pytest takes the current directory for the root
            found = default_settings()
            settings = settings._replace(
                root=found.root,
                models_dir=found.models_dir,
                baselines_dir=found.baselines_dir,
            )
        self.settings = settings
        return 0


def load_plugins() -> Settings:
    """Register what plugins add to a run of pytest in this directory; return its settings.

    Where pytest does not start, that is told on standard error: whatever can be done without the
    project's plugins and ini keys can be done all the same.

    :raises ConfigurationError: an option, ini key or plugin says something impossible.
    """
    loader = _Loader()
    said = io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
        pytest.main([], plugins=[loader])
    if loader.wrong is not None:
        raise ConfigurationError(str(loader.wrong)) from loader.wrong
    if loader.settings is None:
        lines = [line for line in said.getvalue().splitlines() if line.strip()]
        print(
            "tinyquant: pytest does not start in this project, so its ini keys and plugins do not "
            f"count here; run `pytest --collect-only` to see why: {(lines or ['no message'])[-1]}",
            file=sys.stderr,
        )
    return loader.settings or default_settings()
