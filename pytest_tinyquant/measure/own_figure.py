"""The user's own figure of a model: a function named in its TOML."""

from __future__ import annotations

import importlib
import inspect
import math
import sys
from collections.abc import Callable
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.metrics.metric import Metric
from pytest_tinyquant.models.labels import Labels
from pytest_tinyquant.models.task import Task


Arrays = Sequence[NDArray[Any]]


def own_figure(
    task: Task, root: Path, *, outputs: Arrays, inputs: Arrays, labels: Labels | None
) -> Metric:
    """Return what the function gives for all check samples.

    It is called as ``function(outputs, inputs, labels)``: float64 ``[n, *shape]`` of the first
    output, float32 ``[n, *shape]`` of the first input, and the labels or None. A model with several
    inputs or outputs gives lists of them.

    :param root: directory that the module may lie in.
    :raises ConfigurationError: the function is not there, or does not give a finite number.
    """
    function = _find(task, root)
    values = None if labels is None else labels.values
    try:
        inspect.signature(function).bind(outputs, inputs, values)
    except TypeError as error:
        raise _error(
            task, f"takes other arguments than (outputs, inputs, labels): {error}"
        ) from None
    except ValueError:
        pass  # no signature is known of some built-in functions; the call will tell
    try:
        value: Any = function(_one_or_all(outputs), _one_or_all(inputs), values)
    except (Exception, SystemExit) as error:
        raise _error(task, f"raised {type(error).__name__}: {error}") from error
    if isinstance(value, (str, bytes)) or np.ndim(value) != 0 or np.iscomplexobj(value):
        raise _error(task, f"returned {value!r:.80}, not a number")
    try:
        number = float(value)
    except (TypeError, ValueError) as error:
        raise _error(task, f"returned {value!r:.80}, not a number") from error
    if not math.isfinite(number):
        raise _error(task, f"returned {number}; return a finite number")
    return Metric(number, "1", "exact")


def _find(task: Task, root: Path) -> Callable[..., Any]:
    """Return the function, from a module of the project or one that is installed."""
    module_name, _, name = task.metric.partition(":")
    path = str(root)
    added = path not in sys.path
    if added:
        sys.path.insert(0, path)
    try:
        module = importlib.import_module(module_name)
    except (Exception, SystemExit) as error:
        what = "it ends the program" if isinstance(error, SystemExit) else error
        raise _error(task, f"cannot be imported from {root}: {what}") from error
    finally:
        if added:
            sys.path.remove(path)
    function = getattr(module, name, None)
    if not callable(function):
        raise _error(task, f"is no function: module {module_name} has no such name")
    found: Callable[..., Any] = function
    return found


def _one_or_all(arrays: Arrays) -> Any:
    return arrays[0] if len(arrays) == 1 else list(arrays)


def _error(task: Task, what: str) -> ConfigurationError:
    return ConfigurationError(f"{task.where}: metric {task.metric!r} {what}")
