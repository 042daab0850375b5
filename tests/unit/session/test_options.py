"""Reading what the user typed."""

from __future__ import annotations

import pytest

from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.project.selection import choose
from pytest_tinyquant.project.settings import split_names


KNOWN = ("basic", "int8", "int8-only")


def test_names_come_from_repeated_options_and_comma_lists_once() -> None:
    assert split_names(["a,b", "c , a", "", ","]) == ("a", "b", "c")


def test_no_pattern_chooses_everything() -> None:
    assert choose([], KNOWN, what="scheme", where="x") == KNOWN


def test_choice_keeps_the_known_order_and_ignores_case() -> None:
    assert choose(["INT8-only", "basic"], KNOWN, what="scheme", where="x") == (
        "basic",
        "int8-only",
    )


def test_globs_match_only_where_they_are_meant() -> None:
    assert choose(["int8*"], KNOWN, what="scheme", where="x", globs=True) == ("int8", "int8-only")
    with pytest.raises(ConfigurationError, match=r"unknown scheme 'int8\*'"):
        choose(["int8*"], KNOWN, what="scheme", where="x")


def test_an_unknown_name_is_told_with_its_neighbour_and_all_others() -> None:
    with pytest.raises(ConfigurationError) as info:
        choose(["int8", "basik"], KNOWN, what="scheme", where="--scheme")
    assert str(info.value) == (
        "--scheme: unknown scheme 'basik' (closest: 'basic'); known schemes: basic, int8, int8-only"
    )


def test_a_project_without_models_says_so() -> None:
    with pytest.raises(ConfigurationError, match="the project has no models"):
        choose(["cnn"], (), what="model", where="--model")
