"""What one combination of model, scheme and board measured, in plain Python numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from typing import Any
from typing import Final

from pytest_tinyquant.measure.disagreement import Disagreement
from pytest_tinyquant.measure.model_structure import Structure
from pytest_tinyquant.metrics.metric import Metric
from pytest_tinyquant.metrics.registry import METRICS


#: Keys of :attr:`Measurement.identity`. ``image`` is kept in baselines of measured numbers only.
IDENTITY: Final[tuple[str, ...]] = (
    "model_sha256",
    "tflite_sha256",
    "converter",
    "runtime",
    "runtime_version",
    "kernels",
    "flags",
    "image",
)


@dataclass(frozen=True)
class Estimate:
    """A number out of a model of the hardware: reported, never judged, in no baseline.

    :param metric: the metric that it is an estimate of.
    :param source: the model.
    :param low: the least and, as ``high``, the most that a board is expected to take; None where
        nobody knows how far the model is off.
    :param clock_hz: the board's clock, where the number is in its cycles; None if it is not known.
    :param ops: label and part of each operator, in execution order; empty where nobody knows it.
    """

    metric: str
    number: Metric
    source: str
    low: int | None = None
    high: int | None = None
    clock_hz: int | None = None
    ops: tuple[tuple[str, int], ...] = ()

    def __post_init__(self) -> None:
        if self.number.number_class != "estimated":
            raise ValueError(f"an estimate is estimated, not {self.number.number_class}")

    @property
    def milliseconds(self) -> float | None:
        """Return the time at the board's clock, to the microsecond; None without a clock."""
        if self.clock_hz is None or self.number.unit != "cycles":
            return None
        return round(self.number.value / self.clock_hz * 1e3, 3)

    def to_json(self) -> dict[str, Any]:
        """Return the estimate as JSON types; :meth:`from_json` reverses it."""
        return {
            "metric": self.metric,
            "source": self.source,
            "number": self.number.to_json(),
            "range": None if self.low is None else [self.low, self.high],
            "clock_hz": self.clock_hz,
            "milliseconds": self.milliseconds,
            "ops": [[label, part] for label, part in self.ops],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Estimate:
        """Rebuild an estimate from what :meth:`to_json` returned, be it in an earlier version."""
        low, high = data.get("range") or (None, None)
        return cls(
            data["metric"],
            Metric.from_json(data["number"]),
            data["source"],
            low=low,
            high=high,
            clock_hz=data.get("clock_hz"),
            ops=tuple((label, part) for label, part in data.get("ops", ())),
        )


@dataclass(frozen=True)
class OpCount:
    """Instructions or cycles that one operator took in one invoke."""

    label: str
    kernel: str
    output_shape: tuple[int, ...]
    count: int


@dataclass(frozen=True)
class ArenaTensor:
    """A tensor that lies in the arena when the arena is fullest, with its size in bytes."""

    name: str
    size: int


@dataclass(frozen=True)
class Measurement:
    """Everything measured about one combination, ready to be shared, compared and reported.

    :param identity: what was measured, by the keys of :data:`IDENTITY`.
    :param toolchain: id of the compiler that built the image.
    :param metrics: metric name -> part -> number, as described in
        :data:`~pytest_tinyquant.metrics.registry.METRICS`.
    :param output_sha256: digest of the raw output bytes of all check samples.
    :param ops: operators in execution order.
    :param symbols: flash bytes by linker symbol.
    :param variables: bytes of RAM by linker symbol, without the arena.
    :param arena_tensors: tensors alive when the arena is fullest.
    :param log: what the device printed beside the protocol.
    :param structure: what reports draw and no gate compares; not kept in baselines.
    :param retries: why earlier runs of the image were not believed; empty if the first one was.
    :param estimates: what was not measured but came out of a model; not kept in baselines.
    :param gates: the parts of a metric that decide in place of its usual ones, as the model's TOML
        says; not kept in baselines.
    :param confusion: how often samples of each class (rows) were taken for each class (columns);
        not kept in baselines.
    :param class_names: what the model's file calls those classes; empty if it does not; not kept
        in baselines.
    :param drawn_data: the samples were drawn at random: no figure says how good the model is.
    :param clock_hz: the core clock that a real board counted its cycles at, or that cycles are
        estimated for.
    :param unjudged: why a metric that the board has cannot be judged here, by metric.
    :param remarks: what a reader must know of a metric's numbers, by metric.
    :param disagreements: where TensorFlow Lite's interpreter differs from the reference of a file
        that others made; not kept in baselines.
    """

    model: str
    scheme: str
    board: str
    target: str
    identity: Mapping[str, str]
    toolchain: str
    metrics: Mapping[str, Mapping[str, Metric]]
    output_sha256: str
    ops: tuple[OpCount, ...] = ()
    symbols: Mapping[str, int] = field(default_factory=dict)
    variables: Mapping[str, int] = field(default_factory=dict)
    arena_tensors: tuple[ArenaTensor, ...] = ()
    log: str = ""
    structure: Structure | None = None
    retries: tuple[str, ...] = ()
    estimates: tuple[Estimate, ...] = ()
    gates: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    confusion: tuple[tuple[int, ...], ...] = ()
    class_names: tuple[str, ...] = ()
    drawn_data: bool = False
    clock_hz: int | None = None
    unjudged: Mapping[str, str] = field(default_factory=dict)
    remarks: Mapping[str, str] = field(default_factory=dict)
    disagreements: tuple[Disagreement, ...] = ()

    @property
    def combination(self) -> str:
        """Return the combination as test ids spell it, such as ``cnn_4-int8-nucleo-l4r5zi``."""
        return f"{self.model}-{self.scheme}-{self.board}"

    def gating(self, metric: str) -> dict[str, Metric]:
        """Return the parts of ``metric`` that decide its verdict, in order of importance."""
        parts = self.metrics.get(metric, {})
        return {part: parts[part] for part in self.gate_names(metric) if part in parts}

    def gate_names(self, metric: str) -> tuple[str, ...]:
        """Return the names of the parts of ``metric`` that are to decide."""
        return self.gates.get(metric) or METRICS[metric].gating

    @property
    def count_unit(self) -> str:
        """The unit of the operators' counts; empty if the operators were not counted."""
        for name, spec in METRICS.items():
            if spec.per_operator and spec.primary in self.metrics.get(name, {}):
                return self.metrics[name][spec.primary].unit
        return ""

    def to_json(self) -> dict[str, Any]:
        """Return the measurement as JSON types; :meth:`from_json` reverses it."""
        return {
            "model": self.model,
            "scheme": self.scheme,
            "board": self.board,
            "target": self.target,
            "identity": dict(self.identity),
            "toolchain": self.toolchain,
            "metrics": {
                metric: {part: number.to_json() for part, number in parts.items()}
                for metric, parts in self.metrics.items()
            },
            "output_sha256": self.output_sha256,
            "ops": [[op.label, op.kernel, list(op.output_shape), op.count] for op in self.ops],
            "symbols": dict(self.symbols),
            "variables": dict(self.variables),
            "arena_tensors": [[tensor.name, tensor.size] for tensor in self.arena_tensors],
            "log": self.log,
            "structure": self.structure.to_json() if self.structure else None,
            "retries": list(self.retries),
            "estimates": [estimate.to_json() for estimate in self.estimates],
            "gates": {metric: list(parts) for metric, parts in self.gates.items()},
            "confusion": [list(row) for row in self.confusion],
            "class_names": list(self.class_names),
            "drawn_data": self.drawn_data,
            "clock_hz": self.clock_hz,
            "unjudged": dict(self.unjudged),
            "remarks": dict(self.remarks),
            "disagreements": [each.to_json() for each in self.disagreements],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Measurement:
        """Rebuild a measurement from what :meth:`to_json` returned, be it in an earlier version."""
        metrics = {
            metric: {part: Metric.from_json(m) for part, m in parts.items()}
            for metric, parts in data["metrics"].items()
        }
        return cls(
            model=data["model"],
            scheme=data["scheme"],
            board=data["board"],
            target=data["target"],
            identity=data["identity"],
            toolchain=data["toolchain"],
            metrics=metrics,
            output_sha256=data["output_sha256"],
            ops=tuple(
                OpCount(label, kernel, tuple(shape), count)
                for label, kernel, shape, count in data["ops"]
            ),
            symbols=data["symbols"],
            variables=data.get("variables", {}),
            arena_tensors=tuple(ArenaTensor(name, size) for name, size in data["arena_tensors"]),
            log=data["log"],
            structure=Structure.from_json(data["structure"]) if data.get("structure") else None,
            retries=tuple(data.get("retries", ())),
            estimates=tuple(map(Estimate.from_json, data.get("estimates", ()))),
            gates={metric: tuple(parts) for metric, parts in data.get("gates", {}).items()},
            confusion=tuple(tuple(row) for row in data.get("confusion", ())),
            class_names=tuple(data.get("class_names", ())),
            drawn_data=data.get("drawn_data", False),
            clock_hz=data.get("clock_hz"),
            unjudged=data.get("unjudged", {}),
            remarks=data.get("remarks", {}),
            disagreements=tuple(map(Disagreement.from_json, data.get("disagreements", ()))),
        )
