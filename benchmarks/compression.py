"""Pruning, clustering and training with quantization on models of the zoo, as a table.

    python benchmarks/compression.py [MODEL ...]

Every step learns the float model's own answers to the calibration samples. ``mae`` is the error of
TensorFlow Lite Micro's outputs against the float model on the check set, as the gate judges it;
``quality`` is the accuracy on 400 samples of the test part (the mean absolute error for models
that predict a number), computed by TensorFlow Lite's interpreter.
"""

from __future__ import annotations

import os
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any


ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "models")]
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np  # noqa: E402
from training_data import DATASETS  # noqa: E402

from pytest_tinyquant.models.tflite_reader import read_graph  # noqa: E402
from pytest_tinyquant.models.weights import gzip_bytes  # noqa: E402
from pytest_tinyquant.models.weights import weight_facts  # noqa: E402
from pytest_tinyquant.project.case import Case  # noqa: E402
from pytest_tinyquant.project.project import load_project  # noqa: E402
from pytest_tinyquant.project.settings import Settings  # noqa: E402
from pytest_tinyquant.schemes.scheme import SCHEMES as BUILT_IN  # noqa: E402
from pytest_tinyquant.schemes.scheme import load_schemes  # noqa: E402
from pytest_tinyquant.stages.pipeline import Stages  # noqa: E402


MODELS = ("cnn_4", "fc_9")
TEST_SAMPLES = 400

SCHEMES = """
[scheme.prune50]
base = "int8-only"
steps = "prune:0.5"
[scheme.prune80]
base = "int8-only"
steps = "prune:0.8:polynomial"
[scheme.cluster16]
base = "int8-only"
steps = "cluster:16"
[scheme.sparse-cluster]
base = "int8-only"
steps = ["prune:0.5", "cluster:16"]
[scheme.qat]
base = "int8-only"
steps = "qat"
[scheme.pqat]
base = "int8-only"
steps = ["prune:0.5", "qat"]
[scheme.cqat]
base = "int8-only"
steps = ["cluster:16", "qat"]
[scheme.pcqat]
base = "int8-only"
steps = ["prune:0.5", "cluster:16", "qat"]
"""


def main(models: list[str]) -> None:
    """Print the table as Markdown."""
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "schemes.toml"
        file.write_text(SCHEMES)
        schemes = load_schemes(file)
        chosen = ["int8-only", *(name for name in schemes if name not in BUILT_IN)]
        settings = Settings(root=ROOT, models_dir=ROOT / "models", baselines_dir=ROOT / "baselines")
        project = replace(load_project(settings, Path(directory)), schemes=schemes)
        stages = Stages(project)
        print("| model | scheme | file | gzip | zeros | values | mae | quality | sha256 |")
        print("|---|---|---|---|---|---|---|---|---|")
        for model in models or MODELS:
            for name in chosen:
                print(_row(stages, model, name), flush=True)


def _row(stages: Stages, name: str, scheme: str) -> str:
    model = stages.project.models[name]
    converted = stages.convert(model, stages.project.schemes[scheme])
    data = converted.read()
    facts = weight_facts(read_graph(data))
    measurement = stages.measure(Case(model, stages.project.schemes[scheme], stages.host_board()))
    zeros = min(fact.sparsity for fact in facts)
    values = max(fact.unique_per_output for fact in facts)
    cells = (
        name, scheme, f"{len(data):,}", f"{gzip_bytes(data):,}", f"{zeros:.0%}", str(values),
        f"{measurement.metrics['error']['mae'].value:.4f}",
        f"{_quality(model, data):.3f}", converted.sha256[:12],
    )  # fmt: skip
    return f"| {' | '.join(cells)} |"


def _quality(model: Any, data: bytes) -> float:
    """Return the accuracy, or the mean absolute error, on samples that nothing was trained on."""
    parts = DATASETS[model.zoo.dataset]()
    features = parts.scaled(parts.test_features)[:TEST_SAMPLES]
    samples = features.reshape(-1, *model.zoo.architecture.input_shape).astype(np.float32)
    outputs = _interpret(data, samples)
    targets = np.asarray(parts.test_targets[:TEST_SAMPLES])
    if model.zoo.architecture.output_activation == "softmax":
        return float(np.mean(outputs.argmax(axis=1) == targets))
    return float(np.abs(outputs - targets.reshape(outputs.shape)).mean())


def _interpret(data: bytes, samples: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    import tensorflow as tf

    interpreter = tf.lite.Interpreter(
        model_content=data,
        num_threads=1,
        experimental_op_resolver_type=tf.lite.experimental.OpResolverType.BUILTIN_REF,
    )
    interpreter.allocate_tensors()
    (source,), (output,) = interpreter.get_input_details(), interpreter.get_output_details()
    scale, zero = source["quantization"]
    found = []
    for sample in samples:
        steps = np.rint(sample.astype(np.float64) / scale) + zero
        interpreter.set_tensor(source["index"], np.clip(steps, -128, 127).astype(np.int8)[None])
        interpreter.invoke()
        found.append(interpreter.get_tensor(output["index"])[0].astype(np.float64))
    scale, zero = output["quantization"]
    real: np.ndarray = (np.array(found) - zero) * scale
    return real


if __name__ == "__main__":
    main(sys.argv[1:])
