"""Rows of known_issues.toml against the real runtime: none too few, none too many."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest


if TYPE_CHECKING:
    from tests.acceptance.conftest import RealProject


FLOAT16 = ("--board", "host", "--scheme", "float16")
ROW = """
[[issue]]
schemes = ["float16"]
raises = "UnsupportedModelError"
reason = "float16 weights have no kernel"
"""
NAME = "fc_1-float16-host"


@pytest.fixture
def project(real_project: RealProject) -> RealProject:
    real_project.add_zoo("fc_1")
    return real_project


def write_rows(project: RealProject, text: str) -> None:
    (project.root / "models" / "known_issues.toml").write_text(text)


def test_a_known_gap_is_expected(project: RealProject) -> None:
    write_rows(project, ROW)
    result = project.run(*FLOAT16)
    result.assert_outcomes(xfailed=2)
    result.stdout.fnmatch_lines(
        [
            "known gap of 1 combination: UnsupportedModelError DEQUANTIZE float16*",
            f"XFAIL test_matrix.py::test_error[[]{NAME}[]] - UnsupportedModelError: {NAME}: "
            "*DEQUANTIZE*float16*",
        ]
    )


def test_without_its_row_the_gap_fails_with_op_and_dtype(project: RealProject) -> None:
    write_rows(project, "")
    result = project.run(*FLOAT16)
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(
        [
            f"UnsupportedModelError: {NAME}: *DEQUANTIZE*float16*",
            "The runtime agrees: *",
            f"FAILED test_matrix.py::test_error[[]{NAME}[]] - UnsupportedModelError: {NAME}: *",
        ]
    )


def test_a_row_for_what_works_fails_and_says_which_to_remove(project: RealProject) -> None:
    working = ("--board", "host", "--scheme", "int8-only")
    write_rows(project, ROW)
    project.run(*working, "--tq-update-baselines").assert_outcomes(passed=2)
    before = project.tree()
    write_rows(project, ROW + ROW.replace("float16", "int8-only", 1))
    result = project.run(*working, "--tq-update-baselines=all")
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(
        [
            "[[]XPASS(strict)[]] float16 weights have no kernel",
            "The gap is closed: remove row 2 of known_issues.toml",
        ]
    )
    write_rows(project, ROW)
    assert project.tree() == before
