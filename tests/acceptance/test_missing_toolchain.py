"""A board whose compiler is not there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest


if TYPE_CHECKING:
    from tests.acceptance.conftest import RealProject


COMMAND = "rx-elf-gcc is not on the PATH. `tinyquant toolchain rx-elf` builds it"


def test_a_board_without_its_compiler_names_the_command_that_builds_it(
    real_project: RealProject, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    monkeypatch.setenv("TINYQUANT_CACHE", str(tmp_path / "cache"))
    real_project.add_zoo("fc_1")
    result, verdicts = real_project.verdicts("--board=rx65n", "--scheme=int8-only,16x8-only")
    assert set(verdicts.values()) == {"ERROR"}
    result.assert_outcomes(errors=8)
    result.stdout.fnmatch_lines(
        [
            f"tinyquant: firmware for rx65n: {COMMAND}*",
            f"*ToolchainNotFoundError: fc_1-int8-only-rx65n: {COMMAND}*",
        ]
    )
    # Before any conversion, and once per combination in the summary.
    assert not (tmp_path / "cache" / "converted").exists()
    for scheme in ("int8-only", "16x8-only"):
        row = f"fc_1-{scheme}-rx65n  ToolchainNotFoundError  {COMMAND}"
        assert sum(line.startswith(row) for line in result.outlines) == 1
