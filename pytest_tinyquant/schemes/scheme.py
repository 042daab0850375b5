"""The quantization schemes by name: the seven of EdgeMark's study, and those that a project adds.

They are data, written in TOML; :mod:`pytest_tinyquant.schemes.convert` applies them.
"""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from pytest_tinyquant.schemes.scheme_file import read_schemes
from pytest_tinyquant.schemes.settings import Scheme


__all__ = ["FILE_NAME", "SCHEMES", "Scheme", "in_order", "load_schemes"]

#: The file of a project's own schemes, beside its boards.toml.
FILE_NAME: Final = "schemes.toml"

SCHEMES: Final[Mapping[str, Scheme]] = read_schemes(Path(__file__).with_name(FILE_NAME), {})


def in_order(names: Iterable[str]) -> list[str]:
    """Return each of `names` once: the built-in schemes in their order, then the others."""
    found = dict.fromkeys(names)
    return [*(name for name in SCHEMES if name in found), *sorted(found.keys() - SCHEMES.keys())]


def load_schemes(*files: Path) -> dict[str, Scheme]:
    """Return the built-in schemes and those that `files` add, in their order; one may be missing.

    :raises ConfigurationError: for the first thing in a file that cannot be followed.
    """
    schemes = dict(SCHEMES)
    for file in files:
        if file.is_file():
            schemes |= read_schemes(file, schemes)
    return schemes
