"""Layers drawn as for the comparison with TensorFlow Lite Micro: both kernel sets, the same bytes.

Only operators of which cortex_m_dsp has kernels of its own; all others are the same code. The
nightly profile draws 1,200 layers of each variant, in models of 12 each (TINYQUANT_TEST_EXAMPLES
sets another number of models), and runs each with ten sets of inputs.
"""

from __future__ import annotations

import os
from collections import Counter
from typing import Any

from drawn_layers.draw import BySeed
from drawn_layers.draw import Draw
from drawn_layers.families import VARIANTS
from drawn_layers.graph import side_by_side
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from pytest_tinyquant.engine.lowering import dsp


NIGHTLY = os.environ.get("HYPOTHESIS_PROFILE") == "nightly"
LAYERS = 12 if NIGHTLY else 3
INPUT_SETS = 10 if NIGHTLY else 2
MODELS = int(os.environ.get("TINYQUANT_TEST_EXAMPLES", "100")) if NIGHTLY else 2
KERNELS = 13 if NIGHTLY else 8

VARIANTS_OF_SET = [variant for variant in VARIANTS if variant.op in dsp.LOWERINGS]


def test_both_sets_give_the_same_bytes(two_sets: Any) -> None:
    used: Counter[str] = Counter()

    @settings(settings.get_profile("emulated_kernels"), max_examples=MODELS)
    @given(seed=st.integers(0, 2**64 - 1))
    def draw_models(seed: int) -> None:
        draw = Draw(BySeed(seed), INPUT_SETS)
        layers = [variant.draw(draw) for variant in VARIANTS_OF_SET for _ in range(LAYERS)]
        used.update(two_sets.check(*side_by_side(layers)))

    draw_models()
    print(f"\n{used.total()} layers: {dict(used)}")
    of_set = {kernel: count for kernel, count in used.items() if kernel.endswith("_dsp")}
    assert sum(of_set.values()) > used.total() / 5
    # All but those for the largest sums, which test_dsp_*.py aims at; few models lack rare ones.
    assert len(of_set) >= KERNELS
