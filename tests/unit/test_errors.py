"""Errors get their place where a caller knows it, once."""

from __future__ import annotations

import pytest

from pytest_tinyquant.errors import DoesNotFitError
from pytest_tinyquant.errors import located


def test_a_place_stands_before_the_text_and_the_error_stays_what_it_was() -> None:
    with pytest.raises(DoesNotFitError) as caught, located("cnn_4-int8-host"):
        raise DoesNotFitError("2 bytes too many", region="FLASH", needed=3, available=1)
    assert str(caught.value) == "cnn_4-int8-host: 2 bytes too many"
    assert (caught.value.region, caught.value.needed) == ("FLASH", 3)


def test_errors_of_others_pass_as_they_are() -> None:
    with pytest.raises(ValueError, match=r"^no number$"), located("cnn_4-int8-host"):
        raise ValueError("no number")
