"""What is done with PyTorch models, in a process of their own: conversion, and the reference.

The only module that uses PyTorch and LiteRT's converter for it. Both are imported by the job that
needs them: their threads would not survive the fork of a server that had imported them.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import sysconfig
from pathlib import Path
from typing import Any
from typing import Final

import numpy as np

from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.errors import ModelError
from pytest_tinyquant.errors import TinyQuantError
from pytest_tinyquant.models.samples import channels_first
from pytest_tinyquant.models.samples import channels_last
from pytest_tinyquant.schemes.saved_arrays import load_arrays
from pytest_tinyquant.schemes.saved_arrays import save_answers
from pytest_tinyquant.system.error_json import dump_error


#: What no model's results depend on beside the versions in the cache's key.
_SYSTEM: Final = ("/proc", "/sys", "/dev", "/etc", "/usr")
_NOT_DATA: Final = (".pyc", ".pyo")


def convert(request: dict[str, Any]) -> None:
    """Write the float ``.tflite`` of a model that takes and gives images channels-last.

    :param request: ``factory`` (``module:function``), ``folder`` to import it from and ``files``
        that it may read, or ``path`` of a ``.pt2``; ``shapes`` of one sample per input, as the
        module takes it; ``output`` (the ``.tflite``); ``answer``, a JSON file for an error.
    """
    _answering(request, _convert)


def reference(request: dict[str, Any]) -> None:
    """Write what the module answers, one sample after the other, images channels-last.

    :param request: as for :func:`convert`, ``samples`` (npz, channels-last); ``output`` (npz).
    """
    _answering(request, _reference)


def _answering(request: dict[str, Any], work: Any) -> None:
    """Do the work; a typed error goes into the file ``answer``, any other ends the process."""
    answer: dict[str, Any] = {}
    try:
        work(request)
    except TinyQuantError as error:
        answer = dump_error(error)
    Path(request["answer"]).write_text(json.dumps(answer), "utf-8")


def _convert(request: dict[str, Any]) -> None:
    import torch

    module = _module(request)
    samples = tuple(torch.zeros((1, *shape)) for shape in request["shapes"])
    with torch.no_grad():
        outputs = _outputs(module(*samples))
    import litert_torch

    images = [place for place, sample in enumerate(samples) if sample.ndim == 4]
    images_out = [place for place, output in enumerate(outputs) if output.ndim == 4]
    wrapped = litert_torch.to_channel_last_io(module, args=images, outputs=images_out)
    # Not by eval(): the module of an exported program is past it.
    wrapped.training = False
    arguments = tuple(s.permute(0, 2, 3, 1) if s.ndim == 4 else s for s in samples)
    litert_torch.convert(wrapped, arguments).export(request["output"])


def _reference(request: dict[str, Any]) -> None:
    import torch

    module = _module(request)
    inputs = load_arrays(Path(request["samples"]))
    found: list[list[Any]] = []
    with torch.no_grad():
        for sample in zip(*inputs, strict=True):
            arguments = [torch.from_numpy(channels_first(array[np.newaxis])) for array in sample]
            outputs = _outputs(module(*arguments))
            found.append([channels_last(output.numpy())[0] for output in outputs])
    save_answers(Path(request["output"]), inputs, found)


def _module(request: dict[str, Any]) -> Any:
    """Return the module, ready for inference.

    :raises ConfigurationError: the factory makes none, or reads files that are not named.
    :raises ModelError: the ``.pt2`` cannot be read.
    """
    import torch

    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    # Weights that the factory draws are the same every time.
    torch.manual_seed(0)
    if not request["factory"]:
        return _exported(request["path"])
    read = _watch_reads()
    module = _made(request)
    read.update(_imported())
    unknown = sorted(path for path in read if _counts(path) and path not in request["files"])
    if unknown:
        raise ConfigurationError(
            f"{request['path']}: {request['factory']} depends on {unknown[0]}, which 'files' does "
            "not name; add it, so that a change of it counts"
        )
    return module.eval()


def _made(request: dict[str, Any]) -> Any:
    """Return what the factory returns, a module."""
    import torch

    name, _, function = request["factory"].partition(":")
    where = f"{request['path']}: torch {request['factory']!r}"
    sys.path.insert(0, request["folder"])
    try:
        factory = getattr(importlib.import_module(name), function)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise  # a module that the user's own imports
        raise ConfigurationError(
            f"{where}: there is no module {error.name!r}, neither beside this file nor installed"
        ) from error
    except AttributeError as error:
        if getattr(error, "name", "") != function:
            raise
        raise ConfigurationError(f"{where}: the module has no {function!r}") from error
    module = factory()
    if not isinstance(module, torch.nn.Module):
        raise ConfigurationError(
            f"{where}: it returned {type(module).__name__}; it must return a torch.nn.Module"
        )
    return module


def _exported(path: str) -> Any:
    """Return the module of a ``.pt2``; pickles in it are read as plain tensors or not at all."""
    os.environ["TORCH_FORCE_WEIGHTS_ONLY_LOAD"] = "1"
    import torch

    # A parser of foreign bytes may raise anything, and its text says what is wrong.
    try:
        return torch.export.load(path).module()
    except Exception as error:
        said = str(error).strip().partition("\n")[0] or type(error).__name__
        raise ModelError(
            f"{path}: PyTorch {torch.__version__} cannot load it: {said}. Export it again"
        ) from error


def _outputs(answer: Any) -> list[Any]:
    """Return a module's outputs.

    :raises ConfigurationError: they are no float tensors.
    """
    import torch

    outputs = list(answer) if isinstance(answer, list | tuple) else [answer]
    for output in outputs:
        if not isinstance(output, torch.Tensor) or not output.is_floating_point():
            kind = output.dtype if isinstance(output, torch.Tensor) else type(output).__name__
            raise ConfigurationError(
                f"the module returns {kind}; it must return a float tensor or several"
            )
    return outputs


def _watch_reads() -> set[str]:
    """Return the set to which every file opened from now on is added."""
    read: set[str] = set()

    def note(event: str, arguments: tuple[Any, ...]) -> None:
        if event != "open" or not isinstance(arguments[0], str | bytes | os.PathLike):
            return
        writes = isinstance(arguments[1], str) and set(arguments[1]) & set("wxa")
        if not writes:
            read.add(os.path.realpath(os.fsdecode(arguments[0])))

    sys.addaudithook(note)
    return read


def _imported() -> set[str]:
    """Return the sources of all modules: those with a compiled copy were not opened."""
    files = (getattr(module, "__file__", None) for module in list(sys.modules.values()))
    return {os.path.realpath(file) for file in files if file}


def _counts(path: str) -> bool:
    """Tell whether a file is one of the user's own: not of the system, and not installed."""
    installed = {sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib")}
    package = str(Path(__file__).resolve().parents[1])
    places = [*_SYSTEM, sys.prefix, sys.base_prefix, *filter(None, installed), package]
    below = any(path.startswith(f"{os.path.realpath(place)}/") for place in places)
    return (
        not below
        and "/site-packages/" not in path
        and not path.endswith(_NOT_DATA)
        and os.path.isfile(path)
    )
