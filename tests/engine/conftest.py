"""One-operator models, and TensorFlow Lite Micro as the reference."""

from __future__ import annotations

import faulthandler
import multiprocessing
import os
import subprocess
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tflite
from drawn_layers.spec import OperatorSpec
from drawn_layers.spec import TensorSpec
from hypothesis import HealthCheck
from hypothesis import Phase
from hypothesis import settings

from pytest_tinyquant.engine.plan import Plan
from pytest_tinyquant.engine.plan import plan
from pytest_tinyquant.models.tflite_reader import read_graph


ENGINE = Path(__file__).resolve().parents[2] / "firmware" / "engine"
ARENA_BYTES = 4 << 20
REPLY_TIMEOUT = 60.0

_COMMON: dict[str, Any] = {
    "deadline": None,
    "suppress_health_check": [HealthCheck.too_slow, HealthCheck.data_too_large],
}
settings.register_profile("ci", derandomize=True, max_examples=30, **_COMMON)
settings.register_profile("sanitizers", derandomize=True, max_examples=6, **_COMMON)
# TINYQUANT_TEST_EXAMPLES sets another number of layers for each variant of an operator. What fails
# is named by its seed; there is nothing to shrink.
NIGHTLY_EXAMPLES = int(os.environ.get("TINYQUANT_TEST_EXAMPLES", "2000"))
settings.register_profile(
    "nightly",
    max_examples=NIGHTLY_EXAMPLES,
    phases=[Phase.explicit, Phase.generate],
    database=None,
    **_COMMON,
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


class TflmError(Exception):
    """TensorFlow Lite Micro refused the model or died on it."""


def _serve(connection: Any, other_end: Any) -> None:
    """Run models in a child process: TFLM aborts the process on some errors."""
    # Else the end of the parent, which may crash, would go unnoticed.
    other_end.close()
    from tflite_micro.python.tflite_micro import runtime

    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    faulthandler.disable()  # a crash here is TFLM's refusal, not the suite's
    while True:
        try:
            model, samples = connection.recv()
        except EOFError:
            return
        try:
            interpreter = runtime.Interpreter.from_bytes(model, arena_size=ARENA_BYTES)
            replies = []
            for sample in samples:
                for index, value in enumerate(sample):
                    interpreter.set_input(value, index)
                interpreter.invoke()
                outputs = range(_output_count(model))
                replies.append([np.array(interpreter.get_output(i)) for i in outputs])
        except Exception as error:
            connection.send(str(error))
        else:
            connection.send(replies)


def _output_count(model: bytes) -> int:
    count: int = tflite.Model.GetRootAs(model, 0).Subgraphs(0).OutputsLength()
    return count


class Tflm:
    """TensorFlow Lite Micro's reference kernels, in a child process that is replaced if it dies."""

    def __init__(self) -> None:
        self._start()

    def _start(self) -> None:
        context = multiprocessing.get_context("fork")
        self._connection, child = context.Pipe()
        self._process = context.Process(target=_serve, args=(child, self._connection), daemon=True)
        self._process.start()
        child.close()

    def close(self) -> None:
        self._process.kill()
        self._process.join()
        self._connection.close()

    def _replace(self) -> None:
        self.close()
        self._start()

    def run(self, model: bytes, samples: Sequence[Sequence[np.ndarray]]) -> list[list[np.ndarray]]:
        """Return the outputs for each sample; raise TflmError if there are none."""
        try:
            self._connection.send((model, samples))
            if not self._connection.poll(REPLY_TIMEOUT):
                raise EOFError
            reply: str | list[list[np.ndarray]] = self._connection.recv()
        except (EOFError, OSError) as error:
            self._replace()
            raise TflmError("TensorFlow Lite Micro ended its process") from error
        except BaseException:
            self._replace()  # its answer may not be taken for one to the next model
            raise
        if isinstance(reply, str):
            raise TflmError(reply)
        return reply


def _compile(sources: Sequence[Path], output: Path, *flags: str) -> None:
    command = ["gcc", "-std=c11", "-ffp-contract=off", "-Wall", "-Wextra", "-Werror"]
    command += [f"-I{ENGINE / 'include'}", *map(str, sources), *flags, "-o", str(output)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


# ---- Fixtures ----


@pytest.fixture(scope="session")
def tensor_spec() -> type[TensorSpec]:
    return TensorSpec


@pytest.fixture(scope="session")
def operator_spec() -> type[OperatorSpec]:
    return OperatorSpec


@pytest.fixture(scope="session")
def tflm() -> Iterator[Tflm]:
    runner = Tflm()
    yield runner
    runner.close()


@pytest.fixture(scope="session")
def compile_for_host() -> Callable[..., None]:
    """Return compile(sources, output, *flags) with the engine's headers and warnings."""
    return _compile


@pytest.fixture(scope="session")
def engine_headers() -> Path:
    return ENGINE / "include"


@pytest.fixture(scope="session")
def engine_sources() -> list[Path]:
    """The engine as it is linked into firmware, with the reference kernels."""
    folders = ("src", "kernels/common", "kernels/reference")
    return sorted(path for folder in folders for path in (ENGINE / folder).glob("*.c"))


@pytest.fixture(scope="session")
def plan_of() -> Callable[[OperatorSpec], Plan]:
    """Return plan_of(spec): the engine's plan of a one-operator model."""
    return lambda spec: plan(read_graph(spec.model()), name=spec.op)


@pytest.fixture(scope="session")
def tflm_error() -> type[TflmError]:
    """What a model that TensorFlow Lite Micro refuses ends in."""
    return TflmError
