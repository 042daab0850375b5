"""Reads figures.json, which a script of the user's writes: for tools that nobody here knows."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from typing import Final

from pytest_tinyquant.boards.vendor.parser import ReportParser
from pytest_tinyquant.boards.vendor.report import ToolReport
from pytest_tinyquant.boards.vendor.report import ToolRun
from pytest_tinyquant.boards.vendor.report import Unreadable
from pytest_tinyquant.boards.vendor.report import encoded
from pytest_tinyquant.boards.vendor.report import parse_object
from pytest_tinyquant.boards.vendor.report import read_report
from pytest_tinyquant.boards.vendor.report import real
from pytest_tinyquant.metrics.metric import NUMBER_CLASSES
from pytest_tinyquant.metrics.metric import Metric
from pytest_tinyquant.metrics.registry import METRICS


_FILE: Final = "figures.json"
_OUTPUTS: Final = "outputs.npz"
_KEYS: Final = frozenset(("tool", "metrics", "remark"))


@dataclass(frozen=True, kw_only=True)
class FiguresFile(ReportParser):
    """``figures.json`` and ``outputs.npz`` in the directory for reports."""

    def read(self, run: ToolRun) -> ToolReport:
        """Return the numbers of figures.json, and the outputs if there are any."""
        path = run.one_file(_FILE)
        if path is None:
            raise Unreadable(f"it wrote no {_FILE} into {{output}}")
        data = parse_object(read_report(path), _FILE)
        unknown = sorted(data.keys() - _KEYS)
        if unknown:
            raise Unreadable(f"{_FILE} has {unknown[0]!r}; known are {', '.join(sorted(_KEYS))}")
        metrics = data.get("metrics")
        if not isinstance(metrics, dict) or not metrics:
            raise Unreadable(f"{_FILE} has no table 'metrics'")
        figures = {name: _parts(name, parts, run) for name, parts in metrics.items()}
        return ToolReport(
            str(data.get("tool", "")), figures, _outputs(run), str(data.get("remark", ""))
        )


def _parts(metric: str, parts: object, run: ToolRun) -> Mapping[str, Metric]:
    spec = METRICS.get(metric)
    if spec is None or not isinstance(parts, dict):
        raise Unreadable(f"{_FILE} has the metric {metric!r}; known are {', '.join(METRICS)}")
    found = {part: _number(f"{metric}.{part}", number, run) for part, number in parts.items()}
    unknown = [part for part in found if spec.part(part) is None]
    if unknown:
        raise Unreadable(
            f"{_FILE} has {metric}.{unknown[0]}; {metric} has the parts "
            f"{', '.join(spec.part_names)}"
        )
    return found


def _number(name: str, data: Any, run: ToolRun) -> Metric:
    """Return one number with its unit and class."""
    if not isinstance(data, dict) or not {"value", "unit", "class"} == data.keys():
        raise Unreadable(f"{name} in {_FILE} must have exactly value, unit and class")
    if data["class"] not in NUMBER_CLASSES or not isinstance(data["unit"], str):
        raise Unreadable(
            f"{name} in {_FILE} has the class {data['class']!r} and the unit {data['unit']!r}; "
            f"classes are {', '.join(NUMBER_CLASSES)}"
        )
    if data["class"] == "measured" and not run.measures:
        raise Unreadable(f"{name} is called measured, but the tool does not validate on a board")
    value = real(data["value"], name)
    return Metric(int(value) if value == int(value) else value, data["unit"], data["class"])


def _outputs(run: ToolRun) -> tuple[bytes, ...]:
    import numpy as np

    path = run.one_file(_OUTPUTS)
    if path is None:
        if "validate" in run.said:
            raise Unreadable(f"validate wrote no {_OUTPUTS} into {{output}}")
        return ()
    try:
        with np.load(path) as archive:
            arrays = [archive[f"output_{n}"] for n in range(1, len(run.outputs) + 1)]
    except Exception as error:
        raise Unreadable(f"{_OUTPUTS} cannot be read: {error}") from error
    return encoded(arrays, run)


FIGURES: Final = FiguresFile(
    name="figures",
    title="the tool",
    known=_FILE,
    install="correct the path of the command in boards.toml",
    complaint=re.compile(r"(?!)"),
    refusal=re.compile(r"^unsupported model: (.*)$", re.M),
)
