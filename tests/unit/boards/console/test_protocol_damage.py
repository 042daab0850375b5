"""The decoder of the line protocol under damage of any kind: it never takes one run for another."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
from protocol_session import decode
from protocol_session import lines
from protocol_session import values

from pytest_tinyquant.boards.console.protocol import Decoder
from pytest_tinyquant.errors import ConsoleError


def mutated(data: bytes, mutations: list[tuple[str, int, int]]) -> bytes:
    changed = bytearray(data)
    for kind, position, value in mutations:
        at = position % max(len(changed), 1)
        if kind == "flip" and changed:
            changed[at] ^= 1 << value % 8
        elif kind == "insert":
            changed.insert(at, value)
        elif kind == "drop":
            del changed[at : at + 1 + value % 40]
        elif kind == "repeat":
            changed[at:at] = changed[at : at + value]
    return bytes(changed)


@settings(max_examples=1500, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["flip", "insert", "drop", "repeat"]),
            st.integers(0, 100_000),
            st.integers(0, 255),
        ),
        min_size=1,
        max_size=6,
    )
)
def test_never_accepts_a_damaged_session_as_another(
    mutations: list[tuple[str, int, int]],
) -> None:
    session = b"".join(lines())
    expected = values(decode(session).transcript)
    decoder = Decoder("bench")
    try:
        decoder.feed(mutated(session, mutations))
    except ConsoleError:
        return
    if decoder.finished:
        assert values(decoder.transcript) == expected


@settings(max_examples=300, deadline=None)
@given(st.randoms(use_true_random=False))
def test_never_accepts_lines_in_another_order(shuffle: random.Random) -> None:
    parts = lines()
    shuffle.shuffle(parts)
    if parts == lines():
        return
    with pytest.raises(ConsoleError):
        decode(b"".join(parts))


@given(st.binary(max_size=2000))
def test_survives_noise(noise: bytes) -> None:
    decoder = decode(noise.replace(b"#", b"") + b"\n" + b"".join(lines()))
    assert decoder.finished
    assert values(decoder.transcript) == values(decode(b"".join(lines())).transcript)
