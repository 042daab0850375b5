"""Where the firmware's sources are."""

from __future__ import annotations

import importlib.resources
from pathlib import Path


def firmware_sources() -> Path:
    """Return the directory of the firmware's sources: in the package, or in its repository."""
    package = Path(str(importlib.resources.files("pytest_tinyquant")))
    packaged = package / "_firmware"
    return packaged if packaged.is_dir() else package.parent / "firmware"
