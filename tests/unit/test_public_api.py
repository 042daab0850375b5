"""The names of the package itself: what docs/api.md lists, and nothing that costs an import."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import pytest_tinyquant
from pytest_tinyquant import errors


ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "pytest_tinyquant" / "__init__.py"


def listed() -> list[str]:
    """Return the names in the tables of the page."""
    return re.findall(r"^\| `(\w+)` \|", (ROOT / "docs" / "api.md").read_text(), re.MULTILINE)


def test_the_page_lists_every_public_name_once() -> None:
    assert sorted(listed()) == sorted(pytest_tinyquant.__all__)


@pytest.mark.parametrize("name", pytest_tinyquant.__all__)
def test_every_name_is_there(name: str) -> None:
    found = getattr(pytest_tinyquant, name)
    assert found.__name__ == name
    assert name in dir(pytest_tinyquant)


def test_type_checkers_see_the_same_names() -> None:
    imports = [node for node in ast.walk(ast.parse(SOURCE.read_text()))]
    found = {
        alias.asname: node.module
        for node in imports
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.asname
    }
    homes = {name: f"pytest_tinyquant.{home}" for name, home in pytest_tinyquant._HOMES.items()}
    assert found == homes


def test_every_error_is_public() -> None:
    classes = {
        name for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, errors.TinyQuantError)
    }  # fmt: skip
    assert classes <= set(pytest_tinyquant.__all__)


def test_importing_the_package_imports_nothing_of_it() -> None:
    script = (
        "import sys, pytest_tinyquant; "
        "print([name for name in sys.modules if name.startswith('pytest_tinyquant.')])"
    )
    command = [sys.executable, "-c", script]
    result = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert result.stdout.strip() == "[]"


def test_another_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Bord'"):
        pytest_tinyquant.Bord  # noqa: B018
