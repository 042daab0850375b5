"""Who has the last word about what a runtime supports: the check, or the runtime."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_tinyquant.errors import DeviceHaltedError
from pytest_tinyquant.errors import SupportMismatchError
from pytest_tinyquant.errors import UnsupportedModelError


if TYPE_CHECKING:
    from tests.unit.stages.pipeline.conftest import World


REFUSAL = UnsupportedModelError("no DEQUANTIZE", op="DEQUANTIZE", dtype="float16", reason="why")


def test_on_a_board_the_support_check_decides_before_any_build(world: World) -> None:
    world.refusal = REFUSAL
    with pytest.raises(UnsupportedModelError, match="no DEQUANTIZE"):
        world.measure(world.emulated)
    assert world.order == ["convert", "read", "vacuous", "support"]


@pytest.mark.parametrize("kind", ["AllocateTensors", "Invoke", "abort"])
def test_on_the_host_the_runtime_confirms_a_refusal_in_its_own_words(
    world: World, kind: str
) -> None:
    world.refusal = REFUSAL
    world.outcome = DeviceHaltedError("Failed to get registration", kind=kind)
    with pytest.raises(UnsupportedModelError) as caught:
        world.measure(world.host)
    assert (
        str(caught.value)
        == "cnn_4-int8-only-host: no DEQUANTIZE\nThe runtime agrees: Failed to get registration"
    )
    assert (caught.value.op, caught.value.dtype, caught.value.reason) == (
        "DEQUANTIZE",
        "float16",
        "why",
    )


def test_a_runtime_that_runs_a_refused_model_contradicts_the_check(world: World) -> None:
    world.refusal = REFUSAL
    with pytest.raises(SupportMismatchError, match=r"but the runtime runs it: .*no DEQUANTIZE"):
        world.measure(world.host)


def test_trouble_with_the_inputs_confirms_nothing(world: World) -> None:
    world.refusal = REFUSAL
    world.outcome = DeviceHaltedError("wrong size", kind="SetInput")
    with pytest.raises(DeviceHaltedError, match="wrong size"):
        world.measure(world.host)


def test_a_runtime_that_refuses_an_accepted_model_contradicts_the_check(world: World) -> None:
    world.outcome = DeviceHaltedError("Didn't find op", kind="AllocateTensors")
    with pytest.raises(SupportMismatchError, match="runtime refuses it: Didn't find op"):
        world.measure(world.host)


def test_an_abort_of_an_accepted_model_stays_what_it_is(world: World) -> None:
    world.outcome = DeviceHaltedError("SIGABRT", kind="abort")
    with pytest.raises(DeviceHaltedError, match="SIGABRT"):
        world.measure(world.host)
