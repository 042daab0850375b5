"""Custom operators: what their options say is checked before anything is planned."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from model_builder import ModelBuilder

from pytest_tinyquant.engine.plan import Plan
from pytest_tinyquant.engine.plan import plan
from pytest_tinyquant.errors import ModelError
from pytest_tinyquant.errors import UnsupportedModelError
from pytest_tinyquant.models.tflite_reader import read_graph


DETECTION: dict[str, Any] = {
    "max_detections": 2,
    "max_classes_per_detection": 1,
    "num_classes": 3,
    "nms_score_threshold": 0.5,
    "nms_iou_threshold": 0.6,
    "y_scale": 10.0,
    "x_scale": 10.0,
    "h_scale": 5.0,
    "w_scale": 5.0,
}


def detection(slots: int = 2, **options: float) -> bytes:
    """Return a model of one TFLite_Detection_PostProcess on four boxes."""
    builder = ModelBuilder()
    encodings, scores = builder.tensor((1, 4, 4)), builder.tensor((1, 4, 3))
    anchors = builder.tensor((4, 4), data=np.full((4, 4), 0.5))
    shapes = ((1, slots, 4), (1, slots), (1, slots), (1,))
    outputs = [builder.tensor(shape) for shape in shapes]
    name = "TFLite_Detection_PostProcess"
    builder.custom(name, [encodings, scores, anchors], outputs, **options)
    return builder.build([encodings, scores], outputs)


def planned(data: bytes) -> Plan:
    return plan(read_graph(data), name="model")


def test_a_plan_names_the_operator_by_its_own_name() -> None:
    (op,) = planned(detection(**DETECTION)).ops

    assert (op.op, op.kernel) == ("TFLite_Detection_PostProcess", "tq_detection_fast")


def test_an_option_chooses_the_kernel() -> None:
    (op,) = planned(detection(**DETECTION, use_regular_nms=True)).ops

    assert op.kernel == "tq_detection_regular"


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"num_classes": 5}, "3 scores for 5 classes"),
        ({"max_detections": 0}, "0 detections"),
        ({"max_detections": 1.5}, "max_detections is 1.5"),
        ({"max_detections": 1 << 40}, "max_detections is 1099511627776"),
        ({"nms_iou_threshold": 0.0}, "nms_iou_threshold is 0.0"),
        ({"nms_score_threshold": float("nan")}, "nan"),
        ({"y_scale": 0.0}, "thresholds and scales"),
    ],
    ids=str,
)
def test_options_that_make_no_sense_are_named(wrong: dict[str, Any], words: str) -> None:
    with pytest.raises(ModelError, match=words):
        planned(detection(**(DETECTION | wrong)))


@pytest.mark.parametrize("stored", [b"", b"\0", b"\xff" * 40, bytes(range(64)), b"\1\x24\1"])
def test_options_that_are_no_flexbuffer_are_a_damaged_file(
    stored: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("model_builder.flexbuffers.Dumps", lambda options: stored or b"\0")

    with pytest.raises(ModelError, match=r"custom\[0\] cannot be planned: it"):
        planned(detection(**DETECTION))


def test_outputs_with_too_few_places_are_refused() -> None:
    with pytest.raises(UnsupportedModelError, match="too small for what it may find"):
        planned(detection(slots=1, **DETECTION))


def one(name: str, inputs: Any, outputs: Any, **options: Any) -> bytes:
    """Return a model of one custom operator; tensors as (shape, type) or with their data."""
    builder = ModelBuilder()
    sources = [builder.tensor(*tensor[:2], data=(*tensor, None)[2]) for tensor in inputs]
    fed = [i for i, tensor in zip(sources, inputs, strict=True) if len(tensor) == 2]
    results = [builder.tensor(*tensor) for tensor in outputs]
    builder.custom(name, sources, results, **options)
    return builder.build(fed, results)


def filter_bank(**changed: Any) -> bytes:
    lists = {
        "weights": [1] * 6, "unweights": [1] * 6, "starts": [0, 2, 4], "places": [0, 2, 4],
        "widths": [2, 2, 2],
    } | changed  # fmt: skip
    constants = [((len(values),), "int16", values) for values in lists.values()]
    inputs = [((6,), "uint32"), *constants]
    return one("SignalFilterBank", inputs, [((2,), "uint64")], num_channels=2)


def test_a_filter_bank_is_counted_by_its_weights() -> None:
    (op,) = planned(filter_bank()).ops

    assert (op.kernel, op.macs) == ("tq_signal_filter_bank", 12)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"starts": [0, 2, 5]}, "beyond 6 inputs"),
        ({"starts": [0, 2, -1]}, "beyond 6 inputs"),
        ({"places": [0, 2, 5]}, "6 weights"),
        ({"unweights": [1] * 5}, "5 weights"),
        ({"widths": [2, 2]}, "too short for 2 channels"),
    ],
    ids=str,
)
def test_a_filter_bank_reads_nothing_beyond_its_lists(
    changed: dict[str, list[int]], words: str
) -> None:
    with pytest.raises(ModelError, match=words):
        planned(filter_bank(**changed))


@pytest.mark.parametrize("length", [0, 2, 6, 400, 1 << 17, -8])
def test_other_lengths_of_an_fft_are_refused_with_what_to_do(length: int) -> None:
    spectrum = ((max(1, length + 2) % (1 << 18),), "int16")
    model = one("SignalRfft", [((4,), "int16")], [spectrum], T=7, fft_length=length)

    with pytest.raises(UnsupportedModelError, match="Fill the frame with zeros"):
        planned(model)


@pytest.mark.parametrize(
    "options",
    [{}, {"shift": 3, "T": 7}, {"moved": 3}, {"shift": 32}, {"shift": -1}, {"shift": 0.5}],
    ids=str,
)
def test_options_read_by_their_place_must_be_those_that_are_known(options: dict[str, Any]) -> None:
    tensor, weights = ((1, 4), "int16"), ((4,), "int16", [1] * 4)
    model = one("SignalWindow", [tensor, weights], [tensor], **options)

    with pytest.raises(ModelError, match="shift"):
        planned(model)


def test_a_type_without_a_kernel_is_named() -> None:
    tensor = ((1, 4), "int32")
    model = one("SignalDelay", [tensor], [tensor], delay_length=2)

    with pytest.raises(UnsupportedModelError, match="a kernel for int16 x int16 only"):
        planned(model)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"frame_step": 3}, "no multiple of its step 3"),
        ({"frame_step": 0}, "frame_step is 0"),
        ({"frame_size": 1}, "zeros before steps of 2"),
        ({"frame_size": 5}, "its operator implies 10 elements"),
    ],
    ids=str,
)
def test_frames_must_fit_their_input(changed: dict[str, int], words: str) -> None:
    options = {"frame_size": 3, "frame_step": 2, "prefill": True} | changed
    outputs = [((1, 2, 3), "int16"), ((), "bool")]
    model = one("SignalFramer", [((1, 4), "int16")], outputs, **options)

    with pytest.raises(ModelError, match=words):
        planned(model)


def test_what_an_operator_remembers_begins_with_zeros() -> None:
    outputs = [((1, 2, 3), "int16"), ((), "bool")]
    options = {"frame_size": 3, "frame_step": 2, "prefill": True}
    found = planned(one("SignalFramer", [((1, 4), "int16")], outputs, **options))

    assert [(state.bytes, state.value) for state in found.states] == [(2, 0), (4, 0)]
