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
