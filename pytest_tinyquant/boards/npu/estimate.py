"""What Vela says of a model, read from the two tables that it writes."""

from __future__ import annotations

import csv
import dataclasses
import io
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from typing import Final

from pytest_tinyquant.boards.npu.compiled import Compiled
from pytest_tinyquant.errors import ConversionError


_KIB: Final = 1024

#: The memories of Vela's summary, by the name of the part that holds what is moved to and from it.
_MEMORIES: Final[Mapping[str, str]] = {
    "sram": "sram",
    "dram": "dram",
    "on_chip_flash": "on_chip_flash",
    "off_chip_flash": "off_chip_flash",
}


@dataclass(frozen=True)
class Refused:
    """An operator that Vela leaves to the CPU.

    :param op: its TensorFlow Lite name.
    :param output: name of the tensor that it writes.
    :param reason: Vela's own words.
    """

    op: str
    output: str
    reason: str

    @property
    def text(self) -> str:
        """The operator and the reason on one line."""
        return f"{self.op} ({' '.join(self.reason.split())})"


@dataclass(frozen=True)
class NpuLayer:
    """One operator of the model on the NPU.

    :param label: name and place in the order of execution, such as ``conv2d[3]``.
    :param kernel: the NPU's first operation for it, and how many more there are.
    :param cycles: Vela's estimate, all of its operations together.
    """

    label: str
    kernel: str
    cycles: int


@dataclass(frozen=True)
class NpuEstimate:
    """Vela's figures for one inference.

    :param cycles: of the NPU's part of the model.
    :param clock_hz: the NPU's clock in the system configuration.
    :param sram_bytes: the arena's share of the SRAM.
    :param moved: bytes to and from each memory.
    :param layers: the operators that the NPU runs, in their order.
    :param on_cpu: the operators that it does not run.
    :param refused: why, in Vela's words.
    :param weights_before: elements of the weights, and ``weights_after``, bytes of their encoding.
    """

    cycles: int
    clock_hz: int
    sram_bytes: int
    moved: Mapping[str, int]
    layers: tuple[NpuLayer, ...]
    on_cpu: tuple[str, ...]
    refused: tuple[Refused, ...]
    weights_before: int
    weights_after: int
    constants: Compiled | None = None

    @property
    def runs_on_npu(self) -> bool:
        """Whether the NPU runs any of the model."""
        return bool(self.layers)

    def with_constants(self, constants: Compiled) -> NpuEstimate:
        """Return the estimate with the sizes from the compiled file."""
        return dataclasses.replace(self, constants=constants)

    def to_json(self) -> dict[str, Any]:
        """Return the estimate as JSON types; :meth:`from_json` reverses it."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> NpuEstimate:
        """Rebuild an estimate from what :meth:`to_json` returned."""
        constants = data["constants"]
        return cls(
            **{
                **data,
                "layers": tuple(NpuLayer(**layer) for layer in data["layers"]),
                "on_cpu": tuple(data["on_cpu"]),
                "refused": tuple(Refused(**operator) for operator in data["refused"]),
                "constants": Compiled(**constants) if constants else None,
            }
        )


def read_estimate(
    summary: str, per_layer: str, *, refused: Sequence[Refused], where: str
) -> NpuEstimate:
    """Return what Vela's two CSV files say.

    :param summary: text of ``*_summary_*.csv``, one row.
    :param per_layer: text of ``*_per-layer.csv``, one row per operation.
    :raises ConversionError: a column is missing or no number.
    """
    try:
        (total,) = csv.DictReader(io.StringIO(summary))
        rows = list(csv.DictReader(io.StringIO(per_layer)))
        on_npu = [row for row in rows if row["Target"] == "NPU"]
        return NpuEstimate(
            cycles=_whole(total["cycles_total"]),
            clock_hz=_whole(total["core_clock"]),
            sram_bytes=round(float(total["sram_memory_used"]) * _KIB),
            moved={part: _whole(total[f"{name}_total_bytes"]) for name, part in _MEMORIES.items()},
            layers=_layers(on_npu),
            on_cpu=tuple(row["Original Operator"] for row in rows if row["Target"] == "CPU"),
            refused=tuple(refused),
            weights_before=_whole(total["total_original_weights"]),
            weights_after=_whole(total["total_npu_encoded_weights"]),
        )
    except (KeyError, ValueError, TypeError) as error:
        raise ConversionError(
            f"{where}: Vela's tables are not those of the versions known here "
            f"({type(error).__name__}: {error}); install the version of the extra 'ethos-u'"
        ) from error


def _layers(rows: Sequence[Mapping[str, str]]) -> tuple[NpuLayer, ...]:
    """Return the model's operators: Vela splits one into several operations in a row.

    A second operator of the same sort begins where the first one's first operation comes again.
    """
    groups: list[list[Mapping[str, str]]] = []
    for row in rows:
        first = groups[-1][0] if groups else None
        same = (
            first is not None
            and row["Original Operator"] == first["Original Operator"]
            and row["NNG Operator"] != first["NNG Operator"]
        )
        if same:
            groups[-1].append(row)
        else:
            groups.append([row])
    return tuple(
        NpuLayer(
            f"{group[0]['Original Operator'].lower()}[{index}]",
            group[0]["NNG Operator"] + (f" + {len(group) - 1}" if len(group) > 1 else ""),
            sum(_whole(row["Op Cycles"]) for row in group),
        )
        for index, group in enumerate(groups)
    )


def _whole(text: str) -> int:
    return int(float(text))
