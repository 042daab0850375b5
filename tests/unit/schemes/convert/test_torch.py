"""PyTorch models: a factory or an exported program, converted by LiteRT and through the schemes."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import zipfile
from collections.abc import Callable
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.errors import ConversionError
from pytest_tinyquant.errors import ModelError
from pytest_tinyquant.errors import ToolchainNotFoundError
from pytest_tinyquant.models import torch_file
from pytest_tinyquant.models.discovery import discover_models
from pytest_tinyquant.models.discovery import load_model
from pytest_tinyquant.schemes.convert import convert
from pytest_tinyquant.schemes.convert import interpreter_outputs
from pytest_tinyquant.schemes.convert import read_arrays
from pytest_tinyquant.schemes.convert import reference_outputs
from pytest_tinyquant.schemes.scheme import SCHEMES
from pytest_tinyquant.schemes.servers import SERVERS
from pytest_tinyquant.system.cache import Cache


needs_torch = pytest.mark.skipif(
    any(
        importlib.util.find_spec(name) is None
        for name in (*torch_file.PACKAGES, "litert_quantizer")
    ),
    reason="PyTorch is not installed: pip install pytest-tinyquant[torch]",
)


@pytest.fixture(scope="module", autouse=True)
def _close() -> Iterator[None]:
    yield
    SERVERS["torch"].close()


@pytest.fixture
def factory(tmp_path: Path) -> Callable[..., Path]:
    """Return factory(function, ...): a ``.toml`` that names a function of the module ``nets``."""
    from torch_networks import write_factory

    return lambda *arguments, **named: write_factory(tmp_path, *arguments, **named)


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ``.pt2`` whose batch is open."""
    from torch_networks import write_program

    return write_program(tmp_path_factory.mktemp("program"), batch=2)


def _error(model: Any, scheme: str, cache: Cache) -> float:
    """Return how far the interpreter is from the module at most."""
    converted = convert(model, SCHEMES[scheme], cache)
    found = interpreter_outputs(model, converted, cache, kernels="reference")
    reference = reference_outputs(model, cache)
    assert reference.kind == "torch"
    (wanted,), (outputs,) = read_arrays(reference.path, "outputs"), read_arrays(found, "outputs")
    assert wanted.std() > 0.01
    return float(np.abs(wanted - outputs).max())


@needs_torch
@pytest.mark.parametrize(
    ("function", "shape"),
    [("make", "[2, 10, 10]"), ("sequence", "[3, 10]"), ("image", "[2, 6, 5]")],
)
def test_a_factory_s_module_is_converted_as_it_is(
    factory: Any, cache: Cache, function: str, shape: str
) -> None:
    assert _error(load_model(factory(function, shape)), "basic", cache) < 1e-6


@needs_torch
def test_images_are_channels_last_on_the_board(factory: Any, cache: Cache, graph_of: Any) -> None:
    graph = graph_of(convert(load_model(factory("image", "[2, 6, 5]")), SCHEMES["basic"], cache))
    shapes = [graph.tensors[index].shape for index in (*graph.inputs, *graph.outputs)]
    assert shapes == [(1, 6, 5, 2), (1, 6, 5, 3)]
    assert "TRANSPOSE" not in {operator.op for operator in graph.operators}


@needs_torch
def test_an_exported_program_gives_the_same_as_its_module(
    factory: Any, program: Path, cache: Cache
) -> None:
    exported, made = load_model(program), load_model(factory())
    assert torch_file.input_shapes(program) == [(2, 10, 10)]
    files = [reference_outputs(model, cache).path for model in (exported, made)]
    (one,), (other,) = (read_arrays(file, "outputs") for file in files)
    assert np.abs(one - other).max() < 1e-6
    assert _error(exported, "basic", cache) < 1e-6


@needs_torch
@pytest.mark.parametrize("scheme", ["dynamic", "int8", "int8-only", "16x8-only"])
def test_it_goes_through_the_schemes(
    factory: Any, cache: Cache, graph_of: Any, scheme: str
) -> None:
    model = load_model(factory())
    graph = graph_of(convert(model, SCHEMES[scheme], cache))
    io = graph.tensors[graph.inputs[0]].dtype
    assert io == {"int8-only": "int8", "16x8-only": "int16"}.get(scheme, "float32")
    assert any(t.dtype == "int8" and t.data is not None for t in graph.tensors)
    assert _error(model, scheme, cache) < 0.02


@needs_torch
def test_two_conversions_give_the_same_bytes(factory: Any, tmp_path: Path) -> None:
    model = load_model(factory())
    caches = [Cache(tmp_path / name) for name in ("one", "other")]
    files = []
    for cache in caches:
        files.append(convert(model, SCHEMES["int8-only"], cache).sha256)
        SERVERS["torch"].close()
    assert files[0] == files[1]


@needs_torch
def test_a_change_of_a_named_file_is_another_model(factory: Any, cache: Cache) -> None:
    file = factory("with_weights", more='files = ["scale.npy"]\n')
    np.save(file.with_name("scale.npy"), np.float32(1))
    before = load_model(file)
    (first,) = read_arrays(reference_outputs(before, cache).path, "outputs")
    np.save(file.with_name("scale.npy"), np.float32(3))
    after = load_model(file)
    (second,) = read_arrays(reference_outputs(after, cache).path, "outputs")
    assert before.source_sha256 != after.source_sha256
    assert np.abs(first - second).max() > 0.01
    (file.parent / "nets.py").write_text((file.parent / "nets.py").read_text() + "\n# changed\n")
    assert load_model(file).source_sha256 != after.source_sha256


@needs_torch
def test_a_file_that_is_read_and_not_named_is_refused(factory: Any, cache: Cache) -> None:
    """A change of it would leave an old result in place."""
    file = factory("with_weights")
    np.save(file.with_name("scale.npy"), np.float32(1))
    with pytest.raises(ConfigurationError, match=r"depends on .*scale\.npy, which 'files' does"):
        convert(load_model(file), SCHEMES["basic"], cache)


@needs_torch
def test_a_module_that_the_factory_imports_counts(factory: Any, cache: Cache) -> None:
    file = factory()
    (file.parent / "helper_of_nets.py").write_text("A = 1\n")
    nets = file.parent / "nets.py"
    nets.write_text("import helper_of_nets\n" + nets.read_text())
    with pytest.raises(ConfigurationError, match=r"helper_of_nets\.py, which 'files' does not"):
        convert(load_model(file), SCHEMES["basic"], cache)


@needs_torch
@pytest.mark.parametrize(
    ("function", "error", "message"),
    [
        ("missing", ConfigurationError, r"missing\.toml: torch 'nets:missing': the module has no"),
        ("no_module", ConfigurationError, "it returned int; it must return a torch.nn.Module"),
        ("masks", ConfigurationError, "the module returns torch.bool; it must return a float"),
        ("failing", ConversionError, r"(?s)converter for PyTorch .*the weights are gone"),
    ],
)
def test_what_a_factory_does_wrong_is_said(
    factory: Any, cache: Cache, function: str, error: Any, message: str
) -> None:
    with pytest.raises(error, match=message):
        convert(load_model(factory(function)), SCHEMES["basic"], cache)


@needs_torch
def test_a_module_that_is_not_there_is_named(tmp_path: Path, cache: Cache) -> None:
    file = tmp_path / "net.toml"
    file.write_text('torch = "no_such_nets:make"\ninput_shape = [2]\n')
    with pytest.raises(ConfigurationError, match="there is no module 'no_such_nets', neither"):
        convert(load_model(file), SCHEMES["basic"], cache)


@needs_torch
def test_a_shape_that_does_not_fit_fails_with_the_module_s_own_words(
    factory: Any, cache: Cache
) -> None:
    with pytest.raises(ConversionError, match=r"(?s)make: LiteRT's converter .*channels"):
        convert(load_model(factory("make", "[3, 10, 10]")), SCHEMES["basic"], cache)


@needs_torch
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch": 3}, r"has shape \[3, 2, 10, 10\]; the first size must be 1 or open"),
        ({"dtype": "float64"}, "is not float32; export the model with float32"),
    ],
)
def test_programs_that_no_board_can_feed_are_named(
    tmp_path: Path, cache: Cache, options: Any, message: str
) -> None:
    from torch_networks import write_program

    with pytest.raises(ModelError, match=message):
        convert(load_model(write_program(tmp_path, **options)), SCHEMES["int8"], cache)


def _rewritten(source: Path, path: Path, change: Callable[[str, bytes], bytes | None]) -> Path:
    """Copy an archive; `change` returns the content of a member, or None to leave it out."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            content = change(name, old.read(name))
            if content is not None:
                new.writestr(name, content)
    return path


class Bomb:
    """Runs code when it is unpickled."""

    def __reduce__(self) -> Any:
        return os.mkdir, (os.environ["TINYQUANT_BOMB"],)


@needs_torch
def test_no_pickle_in_a_program_runs_code(
    program: Path, tmp_path: Path, cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    import pickle

    monkeypatch.setenv("TINYQUANT_BOMB", str(tmp_path / "exploded"))
    bomb = pickle.dumps(Bomb())

    def weights(name: str, content: bytes) -> bytes:
        if not name.endswith("model_weights_config.json"):
            return bomb if name.endswith("weight_0") else content
        config = json.loads(content)
        for entry in config["config"].values():
            entry["use_pickle"] = True
        return json.dumps(config).encode()

    def inputs(name: str, content: bytes) -> bytes:
        return bomb if "sample_inputs" in name else content

    declared = load_model(_rewritten(program, tmp_path / "weights.pt2", weights))
    with pytest.raises(ModelError, match=r"weights_config\.json holds pickles, which run code"):
        convert(declared, SCHEMES["basic"], cache)
    with pytest.raises(ModelError, match=r"inputs\.pt2: PyTorch .* cannot load it"):
        reference_outputs(load_model(_rewritten(program, tmp_path / "inputs.pt2", inputs)), cache)
    assert not (tmp_path / "exploded").exists()


def _members(tmp_path: Path, members: dict[str, bytes]) -> Path:
    path = tmp_path / "net.pt2"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({}, "holds 0 programs of the format of PyTorch 2.8 and later, not one"),
        ({"serialized_exported_program.json": b"{}"}, "holds 0 programs"),
        ({"n/models/a.json": b"{}", "n/models/b.json": b"{}"}, "holds 2 programs"),
        ({"n/models/a.json": b"{}"}, "not a program saved by torch.export.save: KeyError"),
        ({"n/models/a.json": b"\xff"}, "not a program saved by torch.export.save"),
        ({"n/data/aotinductor/a/a.so": b""}, "holds compiled code, which is never loaded"),
    ],
    ids=["empty", "old", "two", "hollow", "binary", "compiled"],
)
def test_archives_that_are_no_program_are_named(
    tmp_path: Path, members: dict[str, bytes], message: str
) -> None:
    with pytest.raises(ModelError, match=message):
        torch_file.input_shapes(_members(tmp_path, members))


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"cposix\nsystem\n(S'true'\ntR."])
def test_damaged_programs_are_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "net.pt2"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"net\.pt2: not a program saved by torch.export.save"):
        torch_file.input_shapes(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('torch = "nets"', "'nets' names no function; write it as 'module:function'"),
        ('torch = "nets:make()"', "names no function"),
        ("torch = 3", "key 'torch' must be a string"),
        ('torch = "nets:make"', "key 'input_shape' is missing; add the shape of one sample"),
        ('torch = "nets:make"\ninput_shape = [2]\nfiles = ["w.bin"]', r"w\.bin does not exist"),
        ('torch = "nets:make"\ninput_shape = [2]\nepochs = 3', "unknown key 'epochs'"),
    ],
)
def test_settings_that_cannot_be_followed_are_named(
    tmp_path: Path, text: str, message: str
) -> None:
    file = tmp_path / "net.toml"
    file.write_text(text)
    with pytest.raises(ConfigurationError, match=message):
        load_model(file)


def test_models_of_pytorch_are_found_by_their_files(factory: Any) -> None:
    file = factory("make")
    shutil.copy(file, file.with_name("other.toml"))
    file.with_name("third.pt2").write_bytes(b"")
    file.with_name("third.toml").write_text("check_samples = 5\n")
    found = discover_models(file.parent)
    assert {name: model.kind for name, model in found.items()} == {
        "make": "torch", "other": "torch", "third": "torch",
    }  # fmt: skip
    assert found["third"].check_samples == 5


def test_without_the_packages_the_extra_is_named(
    factory: Any, cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ToolchainNotFoundError, match=r"pip install .pytest-tinyquant\[torch\]"):
        convert(load_model(factory()), SCHEMES["basic"], cache)
