"""The arena planner, judged by the checker that shares no code with it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from pytest_tinyquant.engine.overlap import Access
from pytest_tinyquant.engine.overlap import ArenaOverlapError
from pytest_tinyquant.engine.overlap import Region
from pytest_tinyquant.engine.overlap import check_no_overlap
from pytest_tinyquant.engine.planner import Buffer
from pytest_tinyquant.engine.planner import arena_size
from pytest_tinyquant.engine.planner import lower_bound
from pytest_tinyquant.engine.planner import place


# An operator: the size of its output, and which earlier values it reads (modulo their number).
_OPERATORS = st.lists(
    st.tuples(st.integers(1, 40), st.lists(st.integers(0, 30), min_size=1, max_size=2)),
    min_size=1,
    max_size=14,
)


def _network(
    operators: list[tuple[int, list[int]]], input_size: int
) -> tuple[list[Buffer], list[tuple[list[int], int]]]:
    """Return the buffers of a random network and, per operator, what it reads and writes."""
    sizes, last, steps = [input_size], {0: -1}, []
    for row, (size, sources) in enumerate(operators):
        reads = [source % len(sizes) for source in sources]
        last.update(dict.fromkeys(reads, row))
        steps.append((reads, len(sizes)))
        last[len(sizes)] = row
        sizes.append(size)
    last[len(sizes) - 1] = len(operators)
    buffers = [Buffer(key, size, key - 1, last[key]) for key, size in enumerate(sizes)]
    return buffers, steps


def _check(
    buffers: list[Buffer],
    steps: list[tuple[list[int], int]],
    offsets: dict[int, int],
    in_place: set[tuple[int, int]],
    orders: dict[tuple[int, int], list[tuple[int, int]]] | None = None,
) -> None:
    def region(key: int) -> Region:
        return Region(key, offsets[key], buffers[key].size)

    check_no_overlap(
        [
            Access(
                f"op {row}",
                [region(k) for k in reads],
                [region(out)],
                [],
                frozenset(in_place),
                orders or {},
            )
            for row, (reads, out) in enumerate(steps)
        ],
        [region(0)],
        [region(len(buffers) - 1)],
        arena_size(buffers, offsets),
        {b.key: f"value {b.key}" for b in buffers},
    )


@settings(deadline=None, max_examples=150, derandomize=True)
@given(_OPERATORS, st.integers(1, 40), st.booleans())
def test_no_value_is_overwritten_while_needed(
    operators: list[tuple[int, list[int]]], input_size: int, share: bool
) -> None:
    buffers, steps = _network(operators, input_size)
    in_place = {
        (source, output)
        for reads, output in steps
        for source in reads
        if share and buffers[output].size <= buffers[source].size
    }
    offsets = place(buffers, in_place)
    _check(buffers, steps, offsets, in_place)
    assert arena_size(buffers, offsets) >= lower_bound(buffers, in_place)
    assert all(offset % 4 == 0 for offset in offsets.values())
    assert place(buffers, in_place) == offsets


@settings(deadline=None, max_examples=150, derandomize=True)
@given(_OPERATORS, st.integers(1, 40), st.integers(-8, 24))
def test_an_output_lies_over_its_input_only_as_far_behind_as_the_kernel_says(
    operators: list[tuple[int, list[int]]], input_size: int, lag: int
) -> None:
    buffers, steps = _network(operators, input_size)
    lags = {(reads[0], output): lag for reads, output in steps if len(reads) == 1}
    # Such a kernel: of `size` bytes of output the last is written when the input is needed from
    # size - lag on.
    orders = {
        pair: [(done, max(done - lag, 0)) for done in range(max(lag, 1), buffers[pair[1]].size + 1)]
        for pair in lags
    }
    offsets = place(buffers, set(), lags)
    _check(buffers, steps, offsets, set(), orders)
    assert arena_size(buffers, offsets) >= lower_bound(buffers, set(), lags)
    assert lower_bound(buffers, set(), lags) <= lower_bound(buffers, set())
    assert arena_size(buffers, offsets) <= arena_size(buffers, place(buffers, set()))
    assert place(buffers, set(), lags) == offsets


def test_an_output_begins_its_lag_before_its_input() -> None:
    buffers = [Buffer(0, 100, -1, 0), Buffer(1, 80, 0, 1)]
    offsets = place(buffers, set(), {(0, 1): 10})
    assert (offsets[1], offsets[0]) == (0, 12)
    assert arena_size(buffers, offsets) == lower_bound(buffers, set(), {(0, 1): 10}) == 112
    # Where writes run ahead of reads by more than the output has, nothing can be shared.
    assert arena_size(buffers, place(buffers, set(), {(0, 1): 500})) == 180


def test_an_input_with_a_later_reader_is_not_written_over_from_behind() -> None:
    buffers = [Buffer(0, 64, -1, 1), Buffer(1, 64, 0, 1), Buffer(2, 64, 1, 2)]
    assert arena_size(buffers, place(buffers, set(), {(0, 1): 0})) == 192


def test_a_chain_needs_its_largest_pair() -> None:
    buffers = [Buffer(0, 100, -1, 0), Buffer(1, 40, 0, 1), Buffer(2, 60, 1, 2)]
    offsets = place(buffers, set())
    assert arena_size(buffers, offsets) == lower_bound(buffers, set()) == 140


def test_in_place_operators_need_no_second_buffer() -> None:
    buffers = [Buffer(0, 64, -1, 0), Buffer(1, 64, 0, 1)]
    assert arena_size(buffers, place(buffers, {(0, 1)})) == 64
    assert arena_size(buffers, place(buffers, set())) == 128


def test_an_input_with_a_later_reader_is_not_overwritten() -> None:
    buffers = [Buffer(0, 64, -1, 1), Buffer(1, 64, 0, 1), Buffer(2, 64, 1, 2)]
    offsets = place(buffers, {(0, 1)})
    assert offsets[0] != offsets[1]


def test_the_checker_sees_a_clobbered_value() -> None:
    buffers, steps = _network([(8, [0]), (8, [0, 1])], 8)
    with pytest.raises(ArenaOverlapError, match=r"op 0: value 1 at bytes 4 to 12 collides"):
        _check(buffers, steps, {0: 0, 1: 4, 2: 16}, set())
    # Operator 0 may run in place, but operator 1 still reads what it overwrote.
    with pytest.raises(ArenaOverlapError, match=r"op 1: value 0 .* collides with value 1"):
        _check(buffers, steps, {0: 0, 1: 0, 2: 8}, {(0, 1)})


def test_the_checker_sees_an_output_that_overtakes_its_input() -> None:
    """Of 8 bytes each, 2 are written before the first input may go, and so on."""
    buffers, steps = _network([(8, [0])], 8)
    orders = {(0, 1): [(done, done - 2) for done in range(2, 9)]}
    _check(buffers, steps, {0: 4, 1: 0}, set(), orders)
    _check(buffers, steps, {0: 2, 1: 0}, set(), orders)
    for offsets in ({0: 1, 1: 0}, {0: 0, 1: 0}, {0: 0, 1: 4}):
        with pytest.raises(ArenaOverlapError, match=r"op 0: value 1 .* collides with value 0"):
            _check(buffers, steps, offsets, set(), orders)


def test_the_checker_sees_a_write_outside_of_the_arena() -> None:
    step = Access("op 0", [], [Region(0, 8, 16)], [], frozenset())
    with pytest.raises(ArenaOverlapError, match="outside of the arena's 16 bytes"):
        check_no_overlap([step], [], [], 16, {0: "x"})


def test_the_checker_sees_scratch_memory_over_an_input() -> None:
    step = Access("op 0", [Region(0, 0, 8)], [Region(1, 8, 8)], [Region(-2, 4, 4)], frozenset())
    with pytest.raises(ArenaOverlapError, match="collides with x"):
        check_no_overlap([step], [Region(0, 0, 8)], [], 16, {0: "x", 1: "y"})
