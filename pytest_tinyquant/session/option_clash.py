"""An option of the user's own that is called like one of this plugin's."""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import Final

import pytest

from pytest_tinyquant.session.table import SETTINGS


#: Packages through which pytest gets from a conftest.py to its own complaint.
_PYTEST: Final = frozenset({"_pytest", "pluggy", "argparse.py"})


def check_clash(error: Exception) -> None:
    """Raise for an error of pytest's that says that an option of ours was added once more.

    pytest has a traceback through its own code for it. Any other error is none of our business.

    :raises pytest.UsageError: it is one; says whose option that is and what to do.
    """
    option = _named(str(error))
    if option is None:
        return
    raise pytest.UsageError(
        f"{_origin(error)}: adds an option {option}, which pytest-tinyquant has as well. Rename "
        f"it there, or leave this plugin out: addopts = -p no:tinyquant. pytest says: {error}"
    ) from error


def _named(text: str) -> str | None:
    """Return the option of ours that a complaint names, by its name or its destination."""
    for setting in SETTINGS:
        names = (setting.option, setting.option.lstrip("-").replace("-", "_"))
        if setting.option and any(f"'{name}'" in text for name in names):
            return setting.option
    return None


def _origin(error: Exception) -> str:
    """Return file and line of the code that added the option."""
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not _PYTEST & set(Path(frame.filename).parts)
    ]
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else "a conftest.py"
