"""Words and numbers that several reports share."""

from __future__ import annotations

import pytest

from pytest_tinyquant.report.wording import change_text


@pytest.mark.parametrize(
    ("change", "text"),
    [(None, ""), (0.0, "+0.00%"), (0.0123, "+1.23%"), (1.9e-5, "+0.002%"), (-3e-7, "-3e-05%")],
)
def test_a_change_is_never_rounded_to_none(change, text):
    assert change_text({"change": change}) == text
