"""Registers the command-line options and ini keys of the plugin."""

from __future__ import annotations

import pytest

from pytest_tinyquant.session.table import SETTINGS


def add_options(parser: pytest.Parser) -> None:
    """Register every option and ini key of the table."""
    group = parser.getgroup("tinyquant", "model x scheme x board experiments")
    for setting in SETTINGS:
        if setting.option:
            # Without a default pytest can tell an option that was given from one that was not.
            group.addoption(
                setting.option,
                default=None,
                help=setting.text.replace("%", "%%"),
                **setting.value.argument(),
            )
    for setting in SETTINGS:
        if setting.ini:
            meaning = setting.ini_meaning or setting.text
            parser.addini(setting.ini, meaning, type=setting.value.ini_type)
