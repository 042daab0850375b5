"""How the DSP kernels find their weights: groups of four rows, rows of int8 in one halfword."""

from __future__ import annotations

import numpy as np

from pytest_tinyquant.engine.lowering.dsp.row_groups import BYTES
from pytest_tinyquant.engine.lowering.dsp.row_groups import HALFWORDS
from pytest_tinyquant.engine.lowering.dsp.row_groups import interleave_float
from pytest_tinyquant.engine.lowering.dsp.row_groups import pack_int8
from pytest_tinyquant.engine.lowering.dsp.row_groups import pad_inputs


# Row r, input i is 10 * r + i; odd rows are negative.
WEIGHTS = np.array(
    [[0, 1, 2, 3], [-10, -11, -12, -13], [20, 21, 22, 23], [-30, -31, -32, -33], [40, 41, 42, 43]],
    dtype="int8",
)


def test_a_halfword_holds_two_rows() -> None:
    packed = pack_int8(WEIGHTS[:4], BYTES)
    assert packed is not None
    assert np.frombuffer(packed, "<i2").tolist() == [
        *(256 * -10 + 0, 256 * -12 + 2),  # inputs 0 and 2, as SXTB16 delivers them
        *(256 * -11 + 1, 256 * -13 + 3),
        *(256 * -30 + 20, 256 * -32 + 22),
        *(256 * -31 + 21, 256 * -33 + 23),
    ]


def test_int16_inputs_lie_in_memory_in_pairs() -> None:
    packed = pack_int8(WEIGHTS[:4], HALFWORDS)
    assert packed is not None
    assert np.frombuffer(packed, "<i2").tolist() == [
        *(256 * -10 + 0, 256 * -11 + 1),
        *(256 * -30 + 20, 256 * -31 + 21),
        *(256 * -12 + 2, 256 * -13 + 3),
        *(256 * -32 + 22, 256 * -33 + 23),
    ]


def test_rows_left_over_stay_bytes() -> None:
    in_bytes, in_halfwords = pack_int8(WEIGHTS, BYTES), pack_int8(WEIGHTS, HALFWORDS)
    assert in_bytes is not None
    assert in_halfwords is not None
    assert len(in_bytes) == len(in_halfwords) == WEIGHTS.size
    assert list(in_bytes[16:]) == [40, 41, 42, 43]
    # SXTB16 makes the pairs (0, 1) and (2, 3) of it.
    assert list(in_halfwords[16:]) == [40, 42, 41, 43]


def test_minus_128_over_a_negative_weight_does_not_fit() -> None:
    weights = np.zeros((4, 4), dtype="int8")
    weights[1, 0] = -128
    assert pack_int8(weights, BYTES) is not None
    weights[0, 0] = -1
    assert pack_int8(weights, BYTES) is None


def test_inputs_are_padded_to_words() -> None:
    padded = pad_inputs(WEIGHTS[:, :3])
    assert padded.tolist() == [[*row, 0] for row in WEIGHTS[:, :3].tolist()]
    assert pad_inputs(WEIGHTS).shape == WEIGHTS.shape


def test_float_rows_alternate() -> None:
    weights = np.arange(10, dtype="float32").reshape(5, 2)
    values = np.frombuffer(interleave_float(weights), "<f4").tolist()
    assert values == [0, 2, 4, 6, 1, 3, 5, 7, 8, 9]
