"""Where two model files part, found by running both."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_tinyquant.errors import TinyQuantError
from pytest_tinyquant.stages.layer_by_layer import compare_models
from pytest_tinyquant.stages.layer_by_layer import find_converted


if TYPE_CHECKING:
    from pytest_tinyquant.measure.measurement import Measurement
    from pytest_tinyquant.stages.pipeline import Stages


def first_layer(stages: Stages, old: Measurement, new: Measurement) -> str:
    """Return in a line at which operator two measurements' model files part.

    Empty if both are of one file: then the engine or the kernels differ.
    """
    digests = [side.identity["tflite_sha256"] for side in (old, new)]
    if digests[0] == digests[1]:
        return ""
    model = stages.project.models.get(new.model)
    if model is None:
        return f"layers: no model {new.model!r} in this project to take samples of"
    files = [find_converted(stages.cache, digest) for digest in digests]
    for digest, file in zip(digests, files, strict=True):
        if file is None:
            return f"layers: model file {digest[:12]} is not in the cache"
    before, after = files
    assert before is not None
    assert after is not None
    try:
        part = compare_models(stages, model, before, after)
    except TinyQuantError as error:
        return f"layers: {str(error).partition(chr(10))[0]}"
    return part.cause("A's").text if part else "layers: both model files compute the same"
