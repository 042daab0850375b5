"""The project that is attacked: its slow stages are played."""

from __future__ import annotations

import pytest
from played_project import Bench
from played_project import played_project


@pytest.fixture(autouse=True)
def plain_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pytest prints whole messages once more in its summary where it believes to be in CI."""
    for variable in ("CI", "BUILD_NUMBER"):
        monkeypatch.delenv(variable, raising=False)


@pytest.fixture
def bench(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """A project of three models with the test file of the README."""
    return played_project(pytester, monkeypatch)
