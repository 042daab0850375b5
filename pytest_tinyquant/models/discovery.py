"""Finding models by the files that define them.

Finding reads file names and TOML only, so that collection stays fast: weights, data and
``.tflite`` files are opened when a test needs them.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.models import formats
from pytest_tinyquant.models.model import Model
from pytest_tinyquant.models.model_search import find_models
from pytest_tinyquant.models.model_search import model_name
from pytest_tinyquant.models.model_search import settings_file
from pytest_tinyquant.system.natural_order import natural_order


if TYPE_CHECKING:
    import keras

    from pytest_tinyquant.models.formats import Kind
    from pytest_tinyquant.models.model_file import ModelSettings
    from pytest_tinyquant.models.model_file import Sidecar
    from pytest_tinyquant.models.model_file import ZooFile


def discover_models(models_dir: Path, extra: Sequence[Path] = ()) -> dict[str, Model]:
    """Return the models in `models_dir` and `extra` by name, sorted by family and number.

    `models_dir` may be missing. Each entry of `extra` is a folder, searched for files of models and
    SavedModel folders, or one such file. Raises ConfigurationError for the first model whose
    settings cannot be followed and for two models of one name.
    """
    found: dict[str, Model] = {}
    for name, path in find_models(models_dir, extra):
        if name in found:
            raise ConfigurationError(
                f"two models are named {name!r}: {found[name].path} and {path}; rename one"
            )
        found[name] = load_model(path, name=name)
    return {name: found[name] for name in sorted(found, key=natural_order)}


def load_model(path: Path, *, name: str | None = None) -> Model:
    """Return the model that `path` defines; its `name` is the file's unless given."""
    from pytest_tinyquant.models.model_file import read_sidecar
    from pytest_tinyquant.models.model_file import read_zoo_file
    from pytest_tinyquant.models.model_file import require
    from pytest_tinyquant.models.torch_file import is_torch_toml

    name = model_name(path, path.parent) if name is None else name
    if formats.suffix_of(path) == ".toml" and is_torch_toml(path):
        sidecar = read_sidecar(path, convertible=True, factory=True)
        return _model(name, path, "torch", sidecar.settings, sidecar=sidecar)
    if formats.suffix_of(path) == ".toml":
        zoo = read_zoo_file(path)
        model = _model(name, path, "zoo", zoo.settings, zoo=zoo)
        remedy = f"run 'python models/train.py {path.stem}'"
        require(model.weights, "weights", needed_by=path, remedy=remedy)
        data = path.parent / "data" / f"{zoo.dataset}.npz"
        require(data, f"samples (dataset {zoo.dataset!r})", needed_by=path, remedy=remedy)
        return model
    if formats.suffix_of(path) in formats.PICKLES:
        raise ConfigurationError(
            f"{path}: a {path.suffix} file is a pickle, which runs code of its author when it is "
            "read, so it is never loaded. Give a .pt2 file of torch.export.save, or a "
            "function of yours that loads it: docs/pytorch.md"
        )
    kind = formats.kind_of(path) or ("keras" if formats.is_saved_model(path) else None)
    if kind is None:
        why = formats.why_no_model(path)
        raise ConfigurationError(
            f"{path}: not a model{why and ': '}{why}; models are .tflite, .keras, .h5, .onnx or "
            ".pt2 files, C sources with the bytes of a .tflite, SavedModel folders or .toml files"
        )
    if not path.exists():
        raise ConfigurationError(f"{path}: no such model file; correct the path")
    sidecar = read_sidecar(settings_file(path), convertible=kind != "tflite", keras=kind == "keras")
    return _model(name, path, kind, sidecar.settings, sidecar=sidecar)


def load_keras(path: Path) -> keras.Model:
    """Return the trained Keras model that the zoo file `path` describes."""
    from pytest_tinyquant.models.architecture import build_keras
    from pytest_tinyquant.models.architecture import load_weights

    model = load_model(path)
    if model.zoo is None:
        raise ConfigurationError(f"{path}: not a model of the zoo; those are .toml files")
    built = build_keras(model.zoo.architecture)
    load_weights(built, model.weights)
    return built


def _model(
    name: str,
    path: Path,
    kind: Kind,
    settings: ModelSettings,
    *,
    zoo: ZooFile | None = None,
    sidecar: Sidecar | None = None,
) -> Model:
    return Model(
        name,
        path,
        kind,
        settings.schemes,
        settings.schemes_from,
        settings.tolerance or {},
        settings.dense_per_channel,
        settings.check_samples,
        settings.limits,
        settings.task,
        zoo,
        sidecar,
        settings.sequence,
    )
