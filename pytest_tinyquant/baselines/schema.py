"""Strict reading and canonical writing of one baseline file.

Files are reviewed and edited by people, so every deviation is named by its field. The layout is
the one of docs and diffs: keys sorted, one number per line, no time stamps. Operators are keyed
by their label; the index in brackets restores their order.
"""

from __future__ import annotations

import difflib
import json
import math
import re
from collections.abc import Iterable
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from typing import Final
from typing import NoReturn
from typing import cast

from pytest_tinyquant.errors import BaselineError
from pytest_tinyquant.measure.measurement import IDENTITY
from pytest_tinyquant.measure.measurement import ArenaTensor
from pytest_tinyquant.measure.measurement import Measurement
from pytest_tinyquant.measure.measurement import OpCount
from pytest_tinyquant.metrics.metric import NUMBER_CLASSES
from pytest_tinyquant.metrics.metric import Metric
from pytest_tinyquant.metrics.metric import NumberClass
from pytest_tinyquant.metrics.registry import METRICS
from pytest_tinyquant.system.json_text import parse_json


#: Version of the layout; a reader accepts no other.
FORMAT: Final = 1

_TEXT_FIELDS: Final = ("model", "scheme", "board", "target", "toolchain", "output_sha256")
_MAP_FIELDS: Final = ("identity", "metrics", "ops", "symbols", "arena_peak")

#: Fields that earlier versions did not write; a file without them is as good a baseline.
_LATER_FIELDS: Final = ("variables",)


def dump(measurement: Measurement) -> str:
    """Return the baseline file's text for ``measurement``."""
    measured = any(
        metric.number_class == "measured"
        for parts in measurement.metrics.values()
        for metric in parts.values()
    )
    identity = dict(measurement.identity)
    if not measured:
        # Exact numbers do not care which build gave them; its digest would only churn the diff.
        identity.pop("image", None)
    document = {
        "format": FORMAT,
        **{name: getattr(measurement, name) for name in _TEXT_FIELDS},
        "identity": identity,
        "metrics": {
            metric: {part: m.rounded().to_json() for part, m in parts.items()}
            for metric, parts in measurement.metrics.items()
        },
        "ops": {
            op.label: {
                "kernel": op.kernel,
                "output_shape": "x".join(map(str, op.output_shape)),
                "count": op.count,
            }
            for op in measurement.ops
        },
        "symbols": dict(measurement.symbols),
        **({"variables": dict(measurement.variables)} if measurement.variables else {}),
        "arena_peak": {tensor.name: tensor.size for tensor in measurement.arena_tensors},
    }
    return json.dumps(document, sort_keys=True, indent=2, ensure_ascii=False) + "\n"


def decode(content: bytes, path: Path) -> str:
    """Return the text of a baseline file's bytes.

    :raises BaselineError: they are no UTF-8.
    """
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BaselineError(
            f"baseline {path}: it is no UTF-8 text ({error}). Restore the file from git, or record "
            "it anew with --tq-update-baselines=all"
        ) from error


def parse(text: str, path: Path) -> Measurement:
    """Return the baseline that ``text`` holds; ``path`` is for messages.

    :raises BaselineError: if the text is not a baseline of this format, naming the field.
    """
    return _Reader(path).read(text)


class _Reader:
    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self, text: str) -> Measurement:
        document = self._mapping("the file", self._load(text))
        if type(document.get("format")) is not int or document["format"] != FORMAT:
            self._fail(
                "format",
                f"is {document.get('format')!r}, this version reads {FORMAT} only",
            )
        self._keys("the file", document, ("format", *_TEXT_FIELDS, *_MAP_FIELDS, *_LATER_FIELDS))
        self._require("the file", document, ("format", *_TEXT_FIELDS, *_MAP_FIELDS))
        texts: dict[str, Any] = {name: self._text(name, document[name]) for name in _TEXT_FIELDS}
        peak = self._mapping("arena_peak", document["arena_peak"])
        return Measurement(
            **texts,
            identity=self._identity(document["identity"]),
            metrics=self._metrics(document["metrics"]),
            ops=self._ops(document["ops"]),
            symbols=self._sizes("symbols", document["symbols"]),
            variables=self._sizes("variables", document.get("variables", {})),
            arena_tensors=tuple(
                ArenaTensor(name, self._count(f"arena_peak.{name}", n))
                for name, n in sorted(peak.items(), key=lambda item: str(item[0]))
            ),
            retries=(),
        )

    def _load(self, text: str) -> Any:
        try:
            return parse_json(text, unique=self._unique, constant=self._not_finite)
        except json.JSONDecodeError as error:
            self._fail(
                f"line {error.lineno}", f"is not JSON ({error.msg}); the file may be truncated"
            )
        except ValueError as error:
            self._fail("the file", f"holds no baseline ({error})")

    def _unique(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in pairs:
            if key in found:
                self._fail(key, "is given twice")
            found[key] = value
        return found

    def _not_finite(self, constant: str) -> NoReturn:
        self._fail("a number", f"is {constant}; numbers in a baseline are finite")

    def _identity(self, value: Any) -> dict[str, str]:
        identity = self._mapping("identity", value)
        self._keys("identity", identity, IDENTITY)
        self._require("identity", identity, [key for key in IDENTITY if key != "image"])
        return {key: self._text(f"identity.{key}", text) for key, text in identity.items()}

    def _metrics(self, value: Any) -> dict[str, dict[str, Metric]]:
        metrics = self._mapping("metrics", value)
        self._keys("metrics", metrics, METRICS)
        found = {}
        for metric, raw in metrics.items():
            parts = self._mapping(f"metrics.{metric}", raw)
            spec = METRICS[metric]
            described = (part for part in parts if spec.part(part))
            self._keys(f"metrics.{metric}", parts, (*described, *spec.part_names))
            found[metric] = {
                part: self._metric(f"metrics.{metric}.{part}", m) for part, m in parts.items()
            }
        return found

    def _metric(self, field: str, value: Any) -> Metric:
        parts = self._mapping(field, value)
        self._keys(field, parts, ("value", "unit", "class"))
        self._require(field, parts, ("value", "unit", "class"))
        number = parts["value"]
        if type(number) not in (int, float) or not math.isfinite(number):
            self._fail(f"{field}.value", f"is {number!r}, expected a finite number")
        unit = self._text(f"{field}.unit", parts["unit"])
        number_class = parts["class"]
        if number_class not in NUMBER_CLASSES:
            self._fail(
                f"{field}.class",
                f"is {number_class!r}, expected one of {', '.join(NUMBER_CLASSES)}",
            )
        return Metric(number, unit, cast(NumberClass, number_class))

    def _ops(self, value: Any) -> tuple[OpCount, ...]:
        keys = ("kernel", "output_shape", "count")
        ops = []
        for label, raw in self._mapping("ops", value).items():
            field = f"ops.{label}"
            op = self._mapping(field, raw)
            self._keys(field, op, keys)
            self._require(field, op, keys)
            shape = self._text(f"{field}.output_shape", op["output_shape"])
            if not re.fullmatch(r"(\d{1,9}(x\d{1,9})*)?", shape, re.ASCII):
                self._fail(f"{field}.output_shape", f"is {shape!r}, expected such as '16x16x32'")
            ops.append(
                OpCount(
                    label=label,
                    kernel=self._text(f"{field}.kernel", op["kernel"]),
                    output_shape=tuple(int(n) for n in shape.split("x") if n),
                    count=self._count(f"{field}.count", op["count"]),
                )
            )
        return tuple(sorted(ops, key=lambda op: execution_index(op.label)))

    def _sizes(self, field: str, value: Any) -> dict[str, int]:
        sizes = self._mapping(field, value)
        return {name: self._count(f"{field}.{name}", size) for name, size in sizes.items()}

    def _mapping(self, field: str, value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            self._fail(field, f"is {type(value).__name__}, expected an object")
        return value

    def _text(self, field: str, value: Any) -> str:
        if not isinstance(value, str):
            self._fail(field, f"is {value!r}, expected text")
        return value

    def _count(self, field: str, value: Any) -> int:
        if type(value) is not int or value < 0:
            self._fail(field, f"is {value!r}, expected a whole number that is not negative")
        return value

    def _keys(self, field: str, mapping: Mapping[str, Any], known: Iterable[str]) -> None:
        for key in mapping:
            if key not in known:
                close = difflib.get_close_matches(key, list(known), n=1)
                hint = f"; did you mean '{close[0]}'?" if close else ""
                self._fail(field, f"has the unknown key '{key}'{hint}")

    def _require(self, field: str, mapping: Mapping[str, Any], keys: Iterable[str]) -> None:
        for key in keys:
            if key not in mapping:
                self._fail(field, f"lacks the key '{key}'")

    def _fail(self, field: str, problem: str) -> NoReturn:
        raise BaselineError(
            f"baseline {self.path}: {field} {problem}. Restore the file from git, or record it "
            "anew with --tq-update-baselines=all"
        )


def execution_index(label: str) -> tuple[int, str]:
    """Return a sort key that puts labels such as ``conv2d[10]`` in execution order."""
    index = re.search(r"\[(\d+)\]", label)
    return (int(index[1]) if index else -1, label)
