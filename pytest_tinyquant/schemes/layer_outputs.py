"""What every operator of a converted model gives, by TensorFlow Lite's interpreter."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

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


def layer_outputs(
    model: Model,
    converted: ConvertedModel,
    tensors: Sequence[int],
    cache: Cache,
    *,
    timeout: float = 300.0,
) -> Mapping[int, NDArray[Any]]:
    """Return tensors of a converted model for all check samples, or take them from ``cache``.

    :param tensors: their indices in the file.
    :returns: real values, float32 ``[n, *shape]``, by index.
    :raises ConversionError: the interpreter failed, crashed or took too long.
    """
    import numpy as np

    used, samples = find_interpreter(), arrays_of(model.check())
    key = output_key(["layers", *tensors], used.version, converted.sha256, samples, used.packages)

    def build(directory: Path) -> None:
        request: dict[str, Any] = {"path": str(converted.path.absolute()), "tensors": list(tensors)}
        request["output"] = str(directory / "layers.npz")
        with scratch_directory() as work:
            request["samples"] = saved_inputs(Path(work), samples)
            where = f"{model.name} {converted.scheme}: TensorFlow Lite's interpreter"
            run_interpreter("layers", request, where, timeout)

    with np.load(cache.entry("layers", key, build) / "layers.npz") as arrays:
        return {index: arrays[f"tensor_{index}"] for index in tensors}
