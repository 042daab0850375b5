"""Cache keys: equal for equal parts, and never for different ones."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from pytest_tinyquant.system.cache import Cache


parts = st.recursive(
    st.text(max_size=3) | st.binary(max_size=3),
    lambda inner: st.dictionaries(
        st.text(max_size=2), inner | st.integers(2) | st.none() | st.lists(inner, max_size=2)
    ),
    max_leaves=4,
)


@settings(max_examples=200, deadline=None)
@given(st.lists(parts, max_size=3), st.lists(parts, max_size=3))
def test_keys_are_equal_exactly_when_their_parts_are(first: list[str], second: list[str]) -> None:
    assert (Cache.key(*first) == Cache.key(*second)) == (first == second)


def test_a_key_tells_where_one_part_ends_and_of_what_type_it_is() -> None:
    different = [
        ("ab", "c"),
        ("a", "bc"),
        ("abc",),
        ("abc", ""),
        (b"ab", "c"),
        (b"a", b"bbytes:c"),
        (b"abytes:b", b"c"),
        ({"ab": "c"},),
        ({"ab": ["c"]},),
        ({"ab": 1},),
        ({"ab": 1.0},),
        ({"ab": True},),
        ({"ab": "1"},),
        ({"ab": None},),
    ]
    assert len({Cache.key(*parts) for parts in different}) == len(different)


def test_the_order_in_a_mapping_does_not_matter() -> None:
    assert Cache.key({"a": 1, "b": 2}) == Cache.key({"b": 2, "a": 1})


def test_a_path_counts_by_its_content(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"same")
    (tmp_path / "b").write_bytes(b"same")
    assert Cache.key(tmp_path / "a") == Cache.key(tmp_path / "b")
    (tmp_path / "b").write_bytes(b"other")
    assert Cache.key(tmp_path / "a") != Cache.key(tmp_path / "b")


def test_a_part_without_an_encoding_is_refused() -> None:
    with pytest.raises(TypeError, match="cannot be part of a cache key"):
        Cache.key({"value": {1, 2}})
