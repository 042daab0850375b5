"""What a tool left, and what is read from it: numbers with their class, and outputs."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any
from typing import Final

from pytest_tinyquant.metrics.metric import Metric
from pytest_tinyquant.metrics.metric import NumberClass
from pytest_tinyquant.system.regular_file import MIB
from pytest_tinyquant.system.regular_file import read_text


if TYPE_CHECKING:
    from pytest_tinyquant.models.graph import Tensor

REPORT_LIMIT: Final = 32 * MIB
"""Bytes of one report: those seen of networks for microcontrollers have 15 kB to 1.4 MB."""

#: No memory and no count of a microcontroller is larger; a number beyond it was misread.
_LARGEST: Final = 2**53


class Unreadable(Exception):
    """A report holds nothing of use; the text says what is wrong with it."""


@dataclass(frozen=True)
class ToolRun:
    """What the commands of a tool left behind.

    :param said: what each of them printed, by its name, without escape sequences.
    :param output: the directory for its reports.
    :param measures: ``validate`` was to run on a board.
    :param outputs: the model's output tensors.
    :param samples: how many check samples it was given.
    """

    said: Mapping[str, str]
    output: Path
    measures: bool
    outputs: Sequence[Tensor]
    samples: int

    def one_file(self, pattern: str) -> Path | None:
        """Return the report of that name; None where there is none.

        :raises Unreadable: there are several.
        """
        found = sorted(path for path in self.output.rglob(pattern) if path.is_file())
        if len(found) > 1:
            names = ", ".join(path.name for path in found)
            raise Unreadable(f"it wrote several files {pattern} ({names})")
        return found[0] if found else None


@dataclass(frozen=True)
class ToolReport:
    """What a tool reported of one model.

    :param version: its version as the report names it; empty where it does not.
    :param figures: numbers by metric and part.
    :param outputs: raw output bytes of each check sample; empty where the tool gave none.
    :param remark: what to know of the numbers.
    """

    version: str
    figures: Mapping[str, Mapping[str, Metric]] = field(default_factory=dict)
    outputs: tuple[bytes, ...] = ()
    remark: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the report as JSON types; :meth:`from_json` reverses it."""
        return {
            "version": self.version,
            "figures": {
                metric: {part: number.to_json() for part, number in parts.items()}
                for metric, parts in self.figures.items()
            },
            "outputs": [raw.hex() for raw in self.outputs],
            "remark": self.remark,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> ToolReport:
        """Rebuild a report from what :meth:`to_json` returned."""
        return cls(
            version=data["version"],
            figures={
                metric: {part: Metric.from_json(number) for part, number in parts.items()}
                for metric, parts in data["figures"].items()
            },
            outputs=tuple(map(bytes.fromhex, data["outputs"])),
            remark=data["remark"],
        )


def read_report(path: Path) -> str:
    """Return the text of a report.

    :raises Unreadable: it is no text, or too large to be one.
    """
    try:
        return read_text(path, REPORT_LIMIT)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no UTF-8"
        raise Unreadable(f"{path.name} cannot be read: {reason}") from error


def parse_object(text: str, name: str) -> dict[str, Any]:
    """Return the JSON object in a text.

    :param name: of the file, for the message.
    :raises Unreadable: it is none.
    """
    try:
        found = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"{name} is not JSON: {error}") from error
    if not isinstance(found, dict):
        raise Unreadable(f"{name} holds no JSON object")
    return found


def whole(value: object, name: str) -> int:
    """Return a count or a number of bytes.

    :raises Unreadable: it is missing, no whole number, negative, or too large.
    """
    number = real(value, name)
    if number != int(number):
        raise Unreadable(f"{name} is {value!r}, expected a whole number")
    return int(number)


def real(value: object, name: str) -> float:
    """Return a number that is not negative.

    :raises Unreadable: it is missing, no finite number, negative, or too large.
    """
    if value is None:
        raise Unreadable(f"{name} is missing")
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise Unreadable(f"{name} is {value!r}, expected a number")
    if not math.isfinite(value) or value < 0 or value > _LARGEST:
        raise Unreadable(f"{name} is {value}, which it cannot be")
    return float(value)


def size(value: int, number_class: NumberClass) -> Metric:
    """Return a number of bytes."""
    return Metric(value, "bytes", number_class)


def encoded(arrays: Sequence[Any], run: ToolRun) -> tuple[bytes, ...]:
    """Return a tool's output arrays as the bytes of each check sample.

    An array holds the type of its tensor, or floats where the tensor holds integers: then each is
    to be the value of an integer, as a tool gives it that dequantizes outputs.

    :param arrays: one per output, with the samples along the first axis.
    :raises Unreadable: number, shape or values are not those of the model's outputs.
    """
    import numpy as np

    from pytest_tinyquant.models.quantize import DTYPES

    if len(arrays) != len(run.outputs):
        raise Unreadable(f"it wrote {len(arrays)} outputs, the model has {len(run.outputs)}")
    parts = []
    for array, tensor in zip(arrays, run.outputs, strict=True):
        dtype = DTYPES[tensor.dtype]
        elements = int(np.prod(tensor.shape, dtype=np.int64))
        if len(array.shape) == 0 or array.size != run.samples * elements:
            raise Unreadable(
                f"output {tensor.name!r} has the shape {array.shape} for {run.samples} samples of "
                f"{elements} elements"
            )
        if array.dtype.kind == "f" and tensor.dtype != "float32":
            found = _integers(array, tensor)
        elif array.dtype.kind != dtype.kind or (dtype.kind != "f" and array.dtype != dtype):
            raise Unreadable(f"output {tensor.name!r} is {array.dtype}, not {tensor.dtype}")
        else:
            found = array
        parts.append(np.ascontiguousarray(found.reshape(run.samples, elements), dtype))
    return tuple(b"".join(part[n].tobytes() for part in parts) for n in range(run.samples))


def _integers(array: Any, tensor: Tensor) -> Any:
    """Return the integers that float outputs stand for."""
    import numpy as np

    from pytest_tinyquant.models.quantize import DTYPES

    if tensor.quantization is None:
        raise Unreadable(f"output {tensor.name!r} is float, the model's is {tensor.dtype}")
    scale, zero_point = tensor.quantization.scales[0], tensor.quantization.zero_points[0]
    values = array.astype(np.float64) / scale + zero_point
    limits = np.iinfo(DTYPES[tensor.dtype])
    rounded = np.rint(values)
    if not np.isfinite(values).all() or np.abs(values - rounded).max(initial=0.0) > _OFF_GRID:
        raise Unreadable(
            f"output {tensor.name!r} is float, and its values are not those of {tensor.dtype} with "
            f"scale {scale:g}"
        )
    if rounded.min(initial=limits.max) < limits.min or rounded.max(initial=0) > limits.max:
        raise Unreadable(f"output {tensor.name!r} has values beyond {tensor.dtype}")
    return rounded.astype(DTYPES[tensor.dtype])


#: Of a step: float32 has a hundredth of it left for values of 16 bits.
_OFF_GRID: Final = 0.05


def _no_constant(name: str) -> float:
    raise ValueError(f"it has {name}, which is no number")
