"""What a model that came as .tflite answers: TensorFlow Lite Micro on this computer says it.

A file that others made has no float model to compare with. It was made for TensorFlow Lite Micro,
whose kernels differ from those of TensorFlow Lite's interpreter in some operators: the reference
SUM of the interpreter overflows, and its dense layers are up to three steps apart between its own
two kernel sets. The interpreter is the second opinion, and the first where TensorFlow Lite Micro
refuses.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pytest_tinyquant.boards.device import HostImage
from pytest_tinyquant.errors import DeviceHaltedError
from pytest_tinyquant.errors import ToolchainNotFoundError
from pytest_tinyquant.models.quantize import bytes_per_sample
from pytest_tinyquant.models.quantize import decode
from pytest_tinyquant.models.quantize import encode_all
from pytest_tinyquant.models.tflite_file import read_model
from pytest_tinyquant.models.tflite_reader import read_graph
from pytest_tinyquant.schemes.exchange import arrays_of
from pytest_tinyquant.schemes.keys import output_key
from pytest_tinyquant.support.runtimes import RUNTIMES
from pytest_tinyquant.system.scratch import scratch_directory


if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Sequence
    from contextlib import AbstractContextManager

    import numpy as np
    from numpy.typing import NDArray

    from pytest_tinyquant.boards.device import Device
    from pytest_tinyquant.models.graph import Tensor
    from pytest_tinyquant.models.model import Model
    from pytest_tinyquant.system.cache import Cache

    #: Opens the host with an image; the name is that of the device's files.
    OpenHost = Callable[[HostImage, str], AbstractContextManager[Device]]

_FILE = "reference.npz"


def micro_reference(model: Model, cache: Cache, open_host: OpenHost) -> Path | None:
    """Return the reference of a model that came as .tflite, as an npz of inputs and outputs.

    :returns: None if TensorFlow Lite Micro refuses the model, or is not installed.
    :raises BenchError: it was killed, took too long, or lacked memory or disk.
    """
    arrays = arrays_of(model.check())
    try:
        key = output_key(
            ["reference", "micro"],
            RUNTIMES["tflm"].version(),
            model.source_sha256,
            arrays,
            ("tflite_micro",),
        )
        return cache.entry("reference", key, lambda d: _run(open_host, model, arrays, d)) / _FILE
    except (DeviceHaltedError, ToolchainNotFoundError):
        return None


def _run(
    open_host: OpenHost, model: Model, arrays: Sequence[NDArray[np.float32]], directory: Path
) -> None:
    """Run the model on this computer and write what it answers."""
    import numpy as np

    data = read_model(model.path)
    graph = read_graph(data)
    inputs = [graph.tensors[index] for index in graph.inputs]
    outputs = [graph.tensors[index] for index in graph.outputs]
    samples = encode_all(arrays, inputs)
    with scratch_directory() as work:
        file = Path(work) / "model.tflite"  # the model's own may be a C source
        file.write_bytes(data)
        image = HostImage(file, samples, model.steps(len(samples)))
        with open_host(image, f"reference {model.name}") as device:
            answers = device.run().outputs
    named = {f"inputs_{index}": array for index, array in enumerate(arrays)}
    for index, array in enumerate(_decoded(answers, outputs)):
        named[f"outputs_{index}"] = array
    np.savez(directory / _FILE, **named)  # type: ignore[arg-type]


def _decoded(answers: Sequence[bytes], tensors: Sequence[Tensor]) -> list[NDArray[np.float32]]:
    """Return the raw outputs of all samples as real values, one array per tensor."""
    import numpy as np

    from pytest_tinyquant.models.graph import sample_shape

    found, start = [], 0
    for tensor in tensors:
        end = start + bytes_per_sample(tensor)
        values = decode([answer[start:end] for answer in answers], tensor)
        found.append(values.reshape(len(answers), *sample_shape(tensor.shape)).astype(np.float32))
        start = end
    return found
