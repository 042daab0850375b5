"""Quantized models on microcontrollers as pytest test cases.

The names of this package are its public interface; docs/api.md says which of them are stable. Each
is imported when it is first used: importing the package costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING
from typing import Any
from typing import Final


if TYPE_CHECKING:
    from pytest_tinyquant.baselines.cause import Cause as Cause
    from pytest_tinyquant.baselines.verdict import Comparison as Comparison
    from pytest_tinyquant.baselines.verdict import Verdict as Verdict
    from pytest_tinyquant.boards.cores.core import Core as Core
    from pytest_tinyquant.boards.device import Device as Device
    from pytest_tinyquant.boards.device import HostImage as HostImage
    from pytest_tinyquant.boards.device import LoadableImage as LoadableImage
    from pytest_tinyquant.boards.device import RunRecord as RunRecord
    from pytest_tinyquant.engine.emit import EmittedModel as EmittedModel
    from pytest_tinyquant.engine.emit import Linking as Linking
    from pytest_tinyquant.errors import AbsentError as AbsentError
    from pytest_tinyquant.errors import BaselineError as BaselineError
    from pytest_tinyquant.errors import BenchError as BenchError
    from pytest_tinyquant.errors import BoardBusyError as BoardBusyError
    from pytest_tinyquant.errors import BoardNotFoundError as BoardNotFoundError
    from pytest_tinyquant.errors import CacheError as CacheError
    from pytest_tinyquant.errors import ClockError as ClockError
    from pytest_tinyquant.errors import CompiledModelError as CompiledModelError
    from pytest_tinyquant.errors import ConfigurationError as ConfigurationError
    from pytest_tinyquant.errors import ConsoleError as ConsoleError
    from pytest_tinyquant.errors import ConversionError as ConversionError
    from pytest_tinyquant.errors import DeviceHaltedError as DeviceHaltedError
    from pytest_tinyquant.errors import DeviceTimeoutError as DeviceTimeoutError
    from pytest_tinyquant.errors import DoesNotFitError as DoesNotFitError
    from pytest_tinyquant.errors import EstimateError as EstimateError
    from pytest_tinyquant.errors import FlashError as FlashError
    from pytest_tinyquant.errors import InvalidOutputError as InvalidOutputError
    from pytest_tinyquant.errors import ModelError as ModelError
    from pytest_tinyquant.errors import RevisionError as RevisionError
    from pytest_tinyquant.errors import SupportMismatchError as SupportMismatchError
    from pytest_tinyquant.errors import TinyQuantError as TinyQuantError
    from pytest_tinyquant.errors import ToolchainNotFoundError as ToolchainNotFoundError
    from pytest_tinyquant.errors import UnsupportedModelError as UnsupportedModelError
    from pytest_tinyquant.errors import VacuousSchemeError as VacuousSchemeError
    from pytest_tinyquant.firmware.runtimes.runtime import BoardRuntime as BoardRuntime
    from pytest_tinyquant.firmware.runtimes.tinyquant import Engine as Engine
    from pytest_tinyquant.measure.evaluate import evaluate as evaluate
    from pytest_tinyquant.measure.measurement import Measurement as Measurement
    from pytest_tinyquant.measure.measurement import OpCount as OpCount
    from pytest_tinyquant.measure.observation import Built as Built
    from pytest_tinyquant.measure.observation import Observation as Observation
    from pytest_tinyquant.metrics.metric import Metric as Metric
    from pytest_tinyquant.metrics.spec import MetricSpec as MetricSpec
    from pytest_tinyquant.metrics.spec import Part as Part
    from pytest_tinyquant.metrics.tolerance import Tolerance as Tolerance
    from pytest_tinyquant.models.graph import Graph as Graph
    from pytest_tinyquant.models.graph import Operator as Operator
    from pytest_tinyquant.models.graph import Quantization as Quantization
    from pytest_tinyquant.models.graph import Tensor as Tensor
    from pytest_tinyquant.models.model import Model as Model
    from pytest_tinyquant.project.board_types import Board as Board
    from pytest_tinyquant.project.case import Case as Case
    from pytest_tinyquant.project.case import Checked as Checked
    from pytest_tinyquant.project.kinds import Compiler as Compiler
    from pytest_tinyquant.project.kinds import Kind as Kind
    from pytest_tinyquant.project.project import Project as Project
    from pytest_tinyquant.project.project import load_project as load_project
    from pytest_tinyquant.project.settings import Settings as Settings
    from pytest_tinyquant.project.target import Target as Target
    from pytest_tinyquant.report.section import Section as Section
    from pytest_tinyquant.schemes.settings import Scheme as Scheme
    from pytest_tinyquant.stages.pipeline import Stages as Stages
    from pytest_tinyquant.support.runtimes import Runtime as Runtime

_ROOMS: Final = {
    "baselines.cause": ("Cause",),
    "baselines.verdict": ("Comparison", "Verdict"),
    "boards.cores.core": ("Core",),
    "boards.device": ("Device", "HostImage", "LoadableImage", "RunRecord"),
    "engine.emit": ("EmittedModel", "Linking"),
    "errors": (
        "AbsentError",
        "BaselineError",
        "BenchError",
        "BoardBusyError",
        "BoardNotFoundError",
        "CacheError",
        "ClockError",
        "CompiledModelError",
        "ConfigurationError",
        "ConsoleError",
        "ConversionError",
        "DeviceHaltedError",
        "DeviceTimeoutError",
        "DoesNotFitError",
        "EstimateError",
        "FlashError",
        "InvalidOutputError",
        "ModelError",
        "RevisionError",
        "SupportMismatchError",
        "TinyQuantError",
        "ToolchainNotFoundError",
        "UnsupportedModelError",
        "VacuousSchemeError",
    ),
    "firmware.runtimes.runtime": ("BoardRuntime",),
    "firmware.runtimes.tinyquant": ("Engine",),
    "measure.evaluate": ("evaluate",),
    "measure.measurement": ("Measurement", "OpCount"),
    "measure.observation": ("Built", "Observation"),
    "metrics.metric": ("Metric",),
    "metrics.spec": ("MetricSpec", "Part"),
    "metrics.tolerance": ("Tolerance",),
    "models.graph": ("Graph", "Operator", "Quantization", "Tensor"),
    "models.model": ("Model",),
    "project.board_types": ("Board",),
    "project.case": ("Case", "Checked"),
    "project.kinds": ("Compiler", "Kind"),
    "project.project": ("Project", "load_project"),
    "project.settings": ("Settings",),
    "project.target": ("Target",),
    "report.section": ("Section",),
    "schemes.settings": ("Scheme",),
    "stages.pipeline": ("Stages",),
    "support.runtimes": ("Runtime",),
}
"""The public names, by the module that defines them."""

_HOMES: Final = {name: module for module, names in _ROOMS.items() for name in names}

__all__ = [*_HOMES]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
