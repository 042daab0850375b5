"""TensorFlow Lite's interpreter: TensorFlow's, or that of ai-edge-litert where there is no other.

A project of ``.tflite`` files converts nothing, so the small package is all that it needs.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from typing import Any
from typing import Final

from pytest_tinyquant.errors import ToolchainNotFoundError
from pytest_tinyquant.schemes.exchange import lacks_tensorflow
from pytest_tinyquant.schemes.exchange import package_version
from pytest_tinyquant.schemes.exchange import run_job
from pytest_tinyquant.schemes.exchange import tensorflow_version
from pytest_tinyquant.schemes.keys import LITERT
from pytest_tinyquant.schemes.keys import TENSORFLOW
from pytest_tinyquant.schemes.servers import SERVERS


_PROCESS: Final = "pytest_tinyquant.schemes.interpreter_process"


@dataclass(frozen=True)
class Interpreter:
    """The interpreter that this environment has.

    :param library: the package it comes from.
    :param version: name and version of that package.
    :param packages: what computes with it, for keys.
    """

    library: str
    version: str
    packages: tuple[str, ...]


def find_interpreter() -> Interpreter:
    """Return the interpreter to use, without importing it.

    :raises ToolchainNotFoundError: there is none.
    """
    if not lacks_tensorflow():
        return Interpreter("tensorflow", tensorflow_version(), TENSORFLOW)
    if importlib.util.find_spec("ai_edge_litert") is not None:
        version = f"ai-edge-litert {package_version('ai_edge_litert')}"
        return Interpreter("ai_edge_litert", version, LITERT)
    raise ToolchainNotFoundError(
        "neither ai-edge-litert nor TensorFlow is installed: nothing tells what a .tflite file is "
        "to answer. Install with: pip install 'pytest-tinyquant[litert]', or [convert] to convert "
        "models as well"
    )


def run_interpreter(function: str, request: dict[str, Any], where: str, timeout: float) -> None:
    """Call `function` of the interpreter's process with `request`; `where` is for messages.

    :raises ConversionError: the interpreter failed, or crashed twice.
    :raises BenchError: it was killed, took too long, or lacked memory or disk.
    """
    library = find_interpreter().library
    server = SERVERS["tensorflow" if library == "tensorflow" else "litert"]
    run_job(server, f"{_PROCESS}:{function}", {**request, "library": library}, where, timeout)
