"""Takes a model through the steps of a scheme: pruning, clustering, training with quantization."""

from __future__ import annotations

import importlib.util
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any
from typing import Final

from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.errors import ToolchainNotFoundError
from pytest_tinyquant.models.tflite_reader import read_graph
from pytest_tinyquant.schemes.exchange import arrays_of
from pytest_tinyquant.schemes.exchange import package_version
from pytest_tinyquant.schemes.exchange import run_job
from pytest_tinyquant.schemes.exchange import saved_inputs
from pytest_tinyquant.schemes.servers import SERVERS
from pytest_tinyquant.schemes.traces import check_traces
from pytest_tinyquant.schemes.training_data import check_training
from pytest_tinyquant.system.scratch import scratch_directory


if TYPE_CHECKING:
    from pytest_tinyquant.models.model import Model
    from pytest_tinyquant.schemes.settings import Scheme
    from pytest_tinyquant.schemes.steps import Step

_PROCESS: Final = "pytest_tinyquant.schemes.compress_process"
_PACKAGES: Final = ("tensorflow_model_optimization", "tf_keras")

#: Part of every cache key: to be raised when the same steps train in another way than before.
REVISION: Final = "2"

#: Batches of 32 that a step trains on where the scheme gives no epochs.
BATCHES: Final = {"prune": 700, "cluster": 70, "qat": 70}
#: Pruning little by little has its final sparsity for a part of them only.
GRADUAL_BATCHES: Final = 1400
_BATCH: Final = 32


def compression_version() -> str:
    """Return names and versions of what compresses, without importing it.

    :raises ToolchainNotFoundError: something of it is not installed.
    """
    missing = [name for name in _PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise ToolchainNotFoundError(
            f"{' and '.join(missing)} not installed: schemes with steps cannot be applied. "
            "Install with: pip install 'pytest-tinyquant[compress]'"
        )
    versions = [f"{name.replace('_', '-')} {package_version(name)}" for name in _PACKAGES]
    return ", ".join([*versions, f"training {REVISION}"])


def run_compression(
    model: Model, scheme: Scheme, graph: Path, output: Path, *, timeout: float
) -> None:
    """Write into the file `output` what the steps of `scheme` and its settings make of `model`.

    :param graph: the model as :mod:`pytest_tinyquant.schemes.keras_graph` writes it.
    :param timeout: seconds that all steps and the conversion may take.
    :raises ConfigurationError: the training data do not fit the model.
    :raises ConversionError: a step failed, or crashed twice.
    :raises BenchError: it was killed, took too long, or lacked memory or disk.
    :raises VacuousSchemeError: a step left no trace.
    """
    where = f"{model.name} {scheme.name}"
    calibration = arrays_of(model.calibration())
    if len(calibration) != 1:
        raise ConfigurationError(
            f"{where}: steps train models with one input; this one has {len(calibration)}. Leave "
            "the scheme out of the model's 'schemes'"
        )
    samples = len(calibration[0])
    if scheme.training:
        samples = check_training(Path(scheme.training), graph, calibration[0], where)
    with scratch_directory() as work:
        request: dict[str, Any] = {
            "graph": str(graph.absolute()),
            "steps": [
                {**asdict(step), "batches": _batches(step, scheme.epochs, samples)}
                for step in scheme.steps
            ],
            "calibration": saved_inputs(Path(work), calibration),
            "training": scheme.training,
            "scheme": scheme.content(),
            "dense_per_channel": model.dense_per_channel,
            "output": str(output),
        }
        names = ", ".join(step.written for step in scheme.steps)
        run_job(
            SERVERS["compression"], f"{_PROCESS}:compress", request, f"{where}: {names}", timeout
        )
    check_traces(read_graph(output.read_bytes(), where=where), scheme.steps, where=where)


def check_kind(model: Model, scheme: Scheme) -> None:
    """Check that steps can be taken with a model of this kind.

    :raises ConfigurationError: it is no Keras model.
    """
    if model.kind not in ("zoo", "keras") or model.path.is_dir():
        raise ConfigurationError(
            f"{model.name} {scheme.name}: steps train Keras models (.keras files and the zoo's), "
            f"and this is {model.path.name}; leave the scheme out of the model's 'schemes', or "
            "give the scheme the 'models' that it is for"
        )


def _batches(step: Step, epochs: int, samples: int) -> int:
    """Return how many batches a step trains on."""
    if epochs:
        return epochs * -(-samples // _BATCH)
    return GRADUAL_BATCHES if step.schedule == "polynomial" else BATCHES[step.kind]
