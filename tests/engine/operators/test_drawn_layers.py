"""Drawn layers of every operator give TensorFlow Lite Micro's bytes.

A case is a layer (its shape, options, weights and quantization) with one set of inputs; what was
drawn before counts once. The nightly profile draws 2,000 layers for each variant of an operator
and runs each with ten sets of inputs: random, of extremes only, all equal. Of LOGISTIC and TANH on
integers the one set is every number of the type. Of the operators that have no parameters, such as
RELU on float32, there are fewer layers than that, for they differ in shape only.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING
from typing import Any

import pytest
from drawn_layers.draw import Draw
from drawn_layers.draw import Layer
from drawn_layers.families import VARIANTS
from drawn_layers.families import Variant
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies._internal.core import DataObject


if TYPE_CHECKING:
    from tests.engine.operators.conftest import Tally


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
@given(data=st.data())
def test_outputs_are_tflms(
    variant: Variant,
    data: DataObject,
    draw_from: Callable[[Any], Draw],
    check: Callable[[Layer], None],
    tally: Tally,
) -> None:
    started = time.process_time()
    layer = variant.draw(draw_from(data))
    check(layer)
    tally.add(variant.op, layer, time.process_time() - started)
