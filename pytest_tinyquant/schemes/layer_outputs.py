"""What every operator of a converted model gives, by TensorFlow Lite's interpreter."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any
from typing import Final

from pytest_tinyquant.schemes.exchange import arrays_of
from pytest_tinyquant.schemes.exchange import saved_inputs
from pytest_tinyquant.schemes.interpreter import find_interpreter
from pytest_tinyquant.schemes.interpreter import run_interpreter
from pytest_tinyquant.schemes.keys import output_key
from pytest_tinyquant.system.scratch import scratch_directory


if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pytest_tinyquant.models.model import Model
    from pytest_tinyquant.schemes.convert import ConvertedModel
    from pytest_tinyquant.system.cache import Cache

#: Seconds that the interpreter may take for all samples.
_TIMEOUT: Final = 300.0


def layer_outputs(
    model: Model, converted: ConvertedModel, tensors: Sequence[int], cache: Cache
) -> Mapping[int, NDArray[Any]]:
    """Return tensors of a converted model for all check samples, or take them from ``cache``.

    :param tensors: their indices in the file.
    :returns: real values, float32 ``[n, *shape]``, by index.
    :raises ConversionError: the interpreter failed, crashed or took too long.
    """
    return _asked(model, converted, arrays_of(model.check()), {"tensors": list(tensors)}, cache)


def raw_tensors(
    model: Model,
    converted: ConvertedModel,
    tensors: Sequence[int],
    sample: int,
    cache: Cache,
    *,
    kernels: str,
) -> Mapping[int, NDArray[Any]]:
    """Return tensors of a converted model for one check sample as they are stored.

    :param tensors: their indices in the file.
    :param kernels: ``reference`` or ``optimized``.
    :returns: arrays ``[1, *shape]`` of the tensors' own types, by index.
    :raises ConversionError: the interpreter failed, crashed or took too long.
    """
    only = [array[sample : sample + 1] for array in arrays_of(model.check())]
    how = {"tensors": list(tensors), "kernels": kernels, "raw": True}
    return _asked(model, converted, only, how, cache)


def _asked(
    model: Model, converted: ConvertedModel, samples: list[Any], how: dict[str, Any], cache: Cache
) -> Mapping[int, NDArray[Any]]:
    """Return what the interpreter answers when asked with `how` for some samples."""
    import numpy as np

    used = find_interpreter()
    what = ["layers", *(str(value) for key, value in how.items() if key != "tensors")]
    what += map(str, how["tensors"])
    key = output_key(what, used.version, converted.sha256, samples, used.packages)

    def build(directory: Path) -> None:
        request = {"path": str(converted.path.absolute()), **how}
        request["output"] = str(directory / "layers.npz")
        with scratch_directory() as work:
            request["samples"] = saved_inputs(Path(work), samples)
            where = f"{model.name} {converted.scheme}: TensorFlow Lite's interpreter"
            run_interpreter("layers", request, where, _TIMEOUT)

    with np.load(cache.entry("layers", key, build) / "layers.npz") as arrays:
        return {index: arrays[f"tensor_{index}"] for index in how["tensors"]}
