"""Train the models of the zoo and write their weights and samples.

``python models/train.py`` trains all of them, ``python models/train.py fc_1 cnn_4`` some. With
``--check`` nothing is written: the models are trained again and compared with the weights that
are there.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
import time
from collections.abc import Mapping
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

import numpy as np
from training_data import DATASETS
from training_data import ORIGINALS
from training_data import Dataset

from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.models.model_file import ZooFile
from pytest_tinyquant.models.model_file import read_zoo_file
from pytest_tinyquant.models.samples import read_npz
from pytest_tinyquant.system.atomic import write_bytes
from pytest_tinyquant.system.atomic import write_text


if TYPE_CHECKING:
    import keras

MODELS = Path(__file__).parent
README = MODELS / "README.md"
RESULTS = MODELS / "weights" / "metrics.json"
TABLE_BEGIN = "<!-- metrics: written by train.py -->\n"
TABLE_END = "<!-- end of metrics -->\n"

# Two runs on machines of one type agree to the last bit; this allows for other vector units.
TOLERANCE = 1e-3


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    options = _parser().parse_args(arguments)
    try:
        names = _names(options.models)
        _configure(options.originals)
        if options.check:
            return check(names, originals=options.originals is not None)
        train_all(names, Path(options.output), originals=options.originals is not None)
    except ConfigurationError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def train_all(names: Sequence[str], output: Path, *, originals: bool) -> None:
    """Train the models `names` and write weights, samples and metrics below `output`."""
    datasets: dict[str, Dataset] = {}
    for name in names:
        zoo = read_zoo_file(MODELS / f"{name}.toml")
        if zoo.dataset not in datasets:
            datasets[zoo.dataset] = dataset_of(zoo, name, originals=originals)
            write_samples(datasets[zoo.dataset], output / "data" / f"{zoo.dataset}.npz")
        begin = time.monotonic()
        trained, metrics = train(zoo, datasets[zoo.dataset])
        write_bytes(output / "weights" / f"{name}.npz", npz(trained))
        write_metrics(name, zoo, metrics, output)
        print(f"{name}: {_text(metrics)} ({time.monotonic() - begin:.0f} s)", flush=True)


def check(names: Sequence[str], *, originals: bool) -> int:
    """Train the models `names` again and compare; returns 1 if a weight differs."""
    differ = 0
    for name in names:
        zoo = read_zoo_file(MODELS / f"{name}.toml")
        trained, _ = train(zoo, dataset_of(zoo, name, originals=originals))
        difference = max_difference(read_npz(MODELS / "weights" / f"{name}.npz"), trained)
        same = difference <= TOLERANCE
        differ += not same
        print(f"{name}: max difference {difference:.3g} {'ok' if same else 'DIFFERS'}", flush=True)
    return 1 if differ else 0


def train(zoo: ZooFile, dataset: Dataset) -> tuple[dict[str, Any], dict[str, float]]:
    """Train one model from scratch.

    Returns its float32 weights by name and its metrics on the test part.
    """
    import keras

    from pytest_tinyquant.models.architecture import build_keras
    from pytest_tinyquant.models.architecture import weights_of

    keras.backend.clear_session()
    keras.utils.set_random_seed(zoo.training.seed)
    model = build_keras(zoo.architecture)
    classifies = zoo.architecture.output_activation == "softmax"
    model.compile(
        keras.optimizers.Adam(zoo.training.learning_rate),
        "sparse_categorical_crossentropy" if classifies else "mse",
    )
    shape = zoo.architecture.input_shape
    model.fit(
        dataset.scaled(dataset.train_features).reshape(-1, *shape),
        dataset.train_targets,
        batch_size=zoo.training.batch_size,
        epochs=zoo.training.epochs,
        verbose=0,
    )
    return weights_of(model), evaluate(model, zoo, dataset, classifies=classifies)


def evaluate(
    model: keras.Model, zoo: ZooFile, dataset: Dataset, *, classifies: bool
) -> dict[str, float]:
    """Return the metrics of a trained model on the test part.

    ``accuracy`` for classification; ``mae`` in the target's unit and ``r2``, the share of the
    target's variance that is explained, for regression.
    """
    features = dataset.scaled(dataset.test_features).reshape(-1, *zoo.architecture.input_shape)
    outputs = model.predict(features, verbose=0)
    if classifies:
        return {"accuracy": float(np.mean(outputs.argmax(axis=1) == dataset.test_targets))}
    error = outputs - dataset.test_targets
    explained = 1.0 - np.mean(error**2) / np.var(dataset.test_targets)
    return {"mae": float(np.abs(error).mean()), "r2": float(explained)}


def dataset_of(zoo: ZooFile, name: str, *, originals: bool) -> Dataset:
    """Return the data set that the model `name` trains on."""
    if zoo.dataset not in DATASETS:
        raise ConfigurationError(
            f"{MODELS / name}.toml: dataset {zoo.dataset!r} is not known; "
            f"choose from {', '.join(DATASETS)}"
        )
    make = ORIGINALS.get(zoo.dataset) if originals else None
    return (make or DATASETS[zoo.dataset])()


def write_samples(dataset: Dataset, file: Path) -> None:
    """Write the samples that tests need, and the labels of those that outputs are compared on.

    Labels have a file of their own: converted models do not depend on them.
    """
    write_bytes(file, samples(dataset))
    buffer = io.BytesIO()
    np.save(buffer, dataset.check_labels)
    write_bytes(file.with_suffix(".labels.npy"), buffer.getvalue())


def samples(dataset: Dataset) -> bytes:
    """Return the npz file of the samples that tests need."""
    return npz(
        {
            "calibration": dataset.calibration,
            "check": dataset.check,
            "scale": np.float32(dataset.scale),
        }
    )


def npz(arrays: Mapping[str, Any]) -> bytes:
    """Return `arrays` as a compressed npz file; NumPy puts no time stamps into it."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def max_difference(first: Mapping[str, Any], second: Mapping[str, Any]) -> float:
    """Return the largest absolute difference, infinite if names or shapes differ."""
    if {k: v.shape for k, v in first.items()} != {k: v.shape for k, v in second.items()}:
        return float("inf")
    return max(float(np.abs(first[key] - second[key]).max()) for key in first)


def write_metrics(name: str, zoo: ZooFile, metrics: Mapping[str, float], output: Path) -> None:
    """Record `metrics`, and renew the table in the README when `output` is the zoo itself."""
    file = output / "weights" / RESULTS.name
    results = json.loads(file.read_text("utf-8")) if file.is_file() else {}
    results[name] = {"dataset": zoo.dataset, "epochs": zoo.training.epochs, "test": metrics}
    write_text(file, json.dumps(results, indent=1, sort_keys=True) + "\n")
    if file == RESULTS:
        text = README.read_text("utf-8")
        before, _, rest = text.partition(TABLE_BEGIN)
        _, _, after = rest.partition(TABLE_END)
        write_text(README, before + TABLE_BEGIN + _table(results) + TABLE_END + after)


def _table(results: Mapping[str, Any]) -> str:
    rows = ["| model | data set | epochs | on the test part |", "|---|---|---:|---|"]
    for name in sorted(results, key=_order):
        row = results[name]
        rows.append(f"| {name} | {row['dataset']} | {row['epochs']} | {_text(row['test'])} |")
    return "\n".join(rows) + "\n"


def _text(metrics: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:.4f}" for name, value in metrics.items())


def _names(chosen: Sequence[str]) -> list[str]:
    known = sorted(
        (file.stem for file in MODELS.glob("*.toml") if file.name != "known_issues.toml"),
        key=_order,
    )
    for name in chosen:
        if name not in known:
            raise ConfigurationError(f"unknown model {name!r}; known: {', '.join(known)}")
    return list(chosen) or known


def _order(name: str) -> tuple[str, int]:
    family, _, number = name.rpartition("_")
    return (family, int(number)) if number.isdigit() else (name, 0)


def _configure(originals: str | None) -> None:
    """Make TensorFlow repeatable: one thread, deterministic kernels, no CPU-specific library."""
    os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if originals not in (None, "keras"):
        os.environ["KERAS_HOME"] = str(Path(originals or "").absolute())
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.config.experimental.enable_op_determinism()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="train.py", description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="*", metavar="MODEL", help="name; all when none is given")
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    parser.add_argument(
        "--originals",
        metavar="DIR",
        help="train on MNIST, CIFAR-10 and Boston housing instead of what stands in for them: "
        "'keras' downloads them, a folder is used as Keras's own (DIR/datasets/mnist.npz, ...)",
    )
    parser.add_argument(
        "--output", metavar="DIR", default=str(MODELS), help="where weights/ and data/ are written"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
