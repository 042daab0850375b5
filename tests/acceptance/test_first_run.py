"""The first run of a user's own model: green, or one block that tells why and what to add."""

from __future__ import annotations

from pathlib import Path

import pytest
from played_project import Bench

from pytest_tinyquant.cli.main import main


BOTH = ("--model=cnn_4", "--scheme=int8-only,float16", "--board=nucleo-l4r5zi")
UNSUPPORTED = {
    "raises": "UnsupportedModelError",
    "text": "dequantize[0]: no kernel",
    "attributes": {"op": "DEQUANTIZE", "dtype": "float16", "reason": "no float16 kernel"},
}


@pytest.fixture
def unsupported(bench: Bench) -> Bench:
    """A bench on which float16 is not supported, and a project that does not say so."""
    bench.says["cnn_4-float16-nucleo-l4r5zi"] = UNSUPPORTED
    return bench


def test_one_cause_is_told_once_with_the_row_that_would_expect_it(unsupported: Bench) -> None:
    result = unsupported.run(*BOTH, "--tq-missing-baseline=record")
    result.assert_outcomes(passed=4, failed=4)
    text = result.stdout.str()
    assert text.count("dequantize[0]: no kernel") <= 1 + text.count("FAILED ") + 4
    result.stdout.fnmatch_lines(
        [
            "UnsupportedModelError: the same cause as *::test_*, told there",
            "If these are known not to work, add to known_issues.toml in the models' directory:",
            "[[][[]issue]]",
            'models = [[]"cnn_4"]',
            'schemes = [[]"float16"]',
            'boards = [[]"nucleo-l4r5zi"]',
            'raises = "UnsupportedModelError"',
            'reason = "no float16 kernel"',
        ]
    )


def test_the_row_that_is_told_is_the_row_that_works(unsupported: Bench) -> None:
    lines = unsupported.run(*BOTH, "--tq-missing-baseline=record").outlines
    start = lines.index("[[issue]]")
    row = "\n".join(lines[start : start + 6])
    (unsupported.pytester.path / "models" / "known_issues.toml").write_text(row)
    unsupported.run(*BOTH).assert_outcomes(passed=4, xfailed=4)


def test_init_brings_the_rows_that_every_project_needs(tmp_path: Path) -> None:
    assert main(["init", str(tmp_path)]) == 0
    text = (tmp_path / "models" / "known_issues.toml").read_text()
    assert 'schemes = ["float16"]' in text
    assert 'raises = ["UnsupportedModelError", "VacuousSchemeError"]' in text
