"""What the user asked for with command-line options, ini keys and the environment."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.project.settings import Settings
from pytest_tinyquant.session.plugins import brought_files
from pytest_tinyquant.session.table import SETTINGS
from pytest_tinyquant.session.table import Setting
from pytest_tinyquant.session.values import is_said
from pytest_tinyquant.session.values import joined


def read_settings(config: pytest.Config) -> Settings:
    """Return what the user asked for; files are not looked at.

    :raises pytest.UsageError: for the first thing that cannot be followed.
    """
    values: dict[str, Any] = {}
    explicit = False
    for setting in SETTINGS:
        places = said(setting, config)
        values[setting.name] = value_of(setting, places, config.rootpath)
        explicit = explicit or any(
            where == setting.ini or (setting.concerns_us and where == setting.option)
            for where, _ in places
        )
    settings = Settings(
        root=config.rootpath,
        board_files=brought_files(config, "pytest_tinyquant_boards"),
        scheme_files=brought_files(config, "pytest_tinyquant_schemes"),
        explicit=explicit,
        **values,
    )
    _check_paired(settings)
    return settings


def said(setting: Setting, config: pytest.Config) -> list[tuple[str, Any]]:
    """Return what is said of a setting, with where, the place that wins first.

    Paths of the command line and the environment are relative to where pytest was called, those of
    an ini file to the project's root.
    """
    called, root = config.invocation_params.dir, config.rootpath
    places: list[tuple[str, Any, Path]] = []
    if setting.option:
        places.append((setting.option, getattr(config.option, setting.dest), called))
    if setting.variable:
        places.append((setting.variable, os.environ.get(setting.variable), called))
    if setting.ini:
        places.append((setting.ini, config.getini(setting.ini), root))
    return [
        (where, _read(setting, value, where, directory))
        for where, value, directory in places
        if is_said(value)
    ]


def _read(setting: Setting, value: Any, where: str, directory: Path) -> Any:
    try:
        return setting.value.read(value, directory)
    except ConfigurationError as error:
        raise pytest.UsageError(f"{where}: {error}") from None


def value_of(setting: Setting, places: list[tuple[str, Any]], root: Path) -> Any:
    """Return the value that counts.

    :param places: as :func:`said` returns them.
    :param root: the project's.
    """
    if not places:
        return setting.value.of_default(setting.default, root)
    if setting.adds:
        return joined([value for _, value in reversed(places)])
    return places[0][1]


def _check_paired(settings: Settings) -> None:
    """Refuse what makes no sense beside ``--tq-ab``."""
    if not settings.ab:
        return
    if (settings.update, settings.missing) != ("none", "fail"):
        raise pytest.UsageError("--tq-ab judges by no baseline, so it cannot write one")
    if settings.history:
        raise pytest.UsageError("--tq-ab is not recorded in the history; drop --tq-history")
    if settings.estimate_cycles:
        raise pytest.UsageError("--tq-ab judges numbers, and --tq-estimate-cycles gives estimates")
