"""Vela's tables as figures; the tables here are shortened from what version 5.2.0 writes."""

from __future__ import annotations

import json

import pytest

from pytest_tinyquant.boards.npu.compiled import Compiled
from pytest_tinyquant.boards.npu.estimate import NpuEstimate
from pytest_tinyquant.boards.npu.estimate import Refused
from pytest_tinyquant.boards.npu.estimate import read_estimate
from pytest_tinyquant.errors import ConversionError


SUMMARY = """\
network,core_clock,sram_memory_used,total_original_weights,total_npu_encoded_weights,\
sram_total_bytes,dram_total_bytes,on_chip_flash_total_bytes,off_chip_flash_total_bytes,cycles_total
net,500000000.0,17.546875,13520,13120,65620,0,0,15488,28317
"""
LAYERS = """\
Original Operator,NNG Operator,Target,Op Cycles,Name
Quantize,Passthrough,CPU,0,in
Conv2D,Conv2D,NPU,6180,a
Conv2D,Relu,NPU,0,a
Conv2D,Conv2D,NPU,2692,b
Mean,DepthwiseConv2D,NPU,2486,c
Mean,Mul,NPU,64,c
Softmax,MaxPool,NPU,134,d
Softmax,Sub,NPU,24,d
Softmax,Sub,NPU,25,d
"""


def estimate(summary: str = SUMMARY, layers: str = LAYERS) -> NpuEstimate:
    return read_estimate(summary, layers, refused=[Refused("QUANTIZE", "in", "why")], where="net")


def test_the_summary_is_read_in_bytes_and_cycles() -> None:
    found = estimate()
    assert (found.cycles, found.clock_hz, found.sram_bytes) == (28_317, 500_000_000, 17_968)
    assert found.moved == {"sram": 65_620, "dram": 0, "on_chip_flash": 0, "off_chip_flash": 15_488}
    assert (found.weights_before, found.weights_after) == (13_520, 13_120)


def test_operations_in_a_row_are_the_operator_that_they_were_made_of() -> None:
    rows = [(layer.label, layer.kernel, layer.cycles) for layer in estimate().layers]
    assert rows == [
        ("conv2d[0]", "Conv2D + 1", 6_180),
        ("conv2d[1]", "Conv2D", 2_692),
        ("mean[2]", "DepthwiseConv2D + 1", 2_550),
        ("softmax[3]", "MaxPool + 2", 183),
    ]


def test_what_stays_on_the_cpu_is_named() -> None:
    found = estimate()
    assert found.on_cpu == ("Quantize",)
    assert [refused.text for refused in found.refused] == ["QUANTIZE (why)"]


def test_a_model_without_npu_operators_runs_on_no_npu() -> None:
    cpu = LAYERS.replace(",NPU,", ",CPU,")
    assert not estimate(layers=cpu).runs_on_npu


def test_it_survives_json() -> None:
    found = estimate().with_constants(Compiled(3_592, 16_352))
    assert NpuEstimate.from_json(json.loads(json.dumps(found.to_json()))) == found
    assert found.constants is not None
    assert found.constants.total == 19_944


@pytest.mark.parametrize(
    "summary",
    [SUMMARY.replace("cycles_total", "cycles"), SUMMARY.replace("28317", "many"), ""],
)
def test_tables_of_another_version_are_one_error(summary: str) -> None:
    with pytest.raises(ConversionError, match="not those of the versions known here"):
        estimate(summary=summary)
