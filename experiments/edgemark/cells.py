"""Figures by model and scheme, published or from baselines, in one shape."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pytest_tinyquant.baselines.schema import parse
from pytest_tinyquant.errors import BaselineError
from pytest_tinyquant.measure.measurement import Measurement


KIB: Final = 1024
PUBLISHED_RUNTIME: Final = "tflm"


@dataclass(frozen=True)
class Cell:
    """The figures of one model converted by one scheme; None where there is no such figure.

    :param flash: bytes; published ones are those of the whole program.
    :param ram: bytes.
    :param latency: in the unit of the cells it is among: only ratios mean anything.
    :param mae: mean absolute error of range.
    :param output_sha256: digest of the raw outputs; empty if not kept.
    :param estimated: cycles, by a model of the core.
    """

    flash: float | None
    ram: float | None
    latency: float | None
    mae: float | None
    output_sha256: str = ""
    estimated: float | None = None


@dataclass(frozen=True)
class Cells:
    """The cells of one board and build.

    :param where: whose they are, for messages.
    :param latency_unit: of every latency.
    :param parameters: by model.
    :param refused: schemes by model that the board's runtime is known to refuse.
    """

    where: str
    latency_unit: str
    cells: Mapping[tuple[str, str], Cell]
    parameters: Mapping[str, int]
    refused: Mapping[str, frozenset[str]]

    def get(self, model: str, scheme: str) -> Cell | None:
        """Return a cell, None if there is none."""
        return self.cells.get((model, scheme))

    def pairs(
        self, models: Iterable[str], one: str, other: str
    ) -> Iterator[tuple[str, Cell, Cell]]:
        """Yield each model that both schemes have a cell of."""
        for model in models:
            first, second = self.get(model, one), self.get(model, other)
            if first is not None and second is not None:
                yield model, first, second


def read_published_cells(file: Path) -> dict[tuple[str, str], Cells]:
    """Return the published cells of TensorFlow Lite Micro by board and build.

    :raises BaselineError: if the file is missing or damaged.
    """
    cells: dict[tuple[str, str], dict[tuple[str, str], Cell]] = {}
    parameters: dict[str, int] = {}
    try:
        with file.open(encoding="utf-8", newline="") as stream:
            for row in csv.DictReader(stream):
                if row["runtime"] == PUBLISHED_RUNTIME:
                    place = cells.setdefault((row["board"], row["build"]), {})
                    place[row["model"], row["scheme"]] = _published_cell(row)
                    parameters[row["model"]] = int(row["parameters"])
    except (OSError, KeyError, ValueError) as error:
        raise BaselineError(f"{file}: cannot be read ({error!r}); restore it from git") from error
    return {
        (board, build): Cells(f"published, {board} {build}", "ms", found, parameters, {})
        for (board, build), found in cells.items()
    }


def read_own_cells(
    directory: Path, parameters: Mapping[str, int], refused: Mapping[str, frozenset[str]]
) -> Cells:
    """Return the cells in the baselines of one board and target.

    :param directory: such as ``baselines/nucleo-l4r5zi/emulator``.
    :raises BaselineError: if there are none, one is damaged, or their latencies are of two kinds or
        estimated.
    """
    files = sorted(directory.glob("*.json"))
    found = [parse(file.read_text(encoding="utf-8"), file) for file in files]
    if not found:
        raise BaselineError(
            f"{directory}: no baselines; write them with pytest --tq-update-baselines"
        )
    where = f"{directory.parent.name} {directory.name}"
    return Cells(
        where=where,
        latency_unit=_latency_unit(found, where),
        cells={(measured.model, measured.scheme): _own_cell(measured) for measured in found},
        parameters=parameters,
        refused=refused,
    )


def _latency_unit(found: Iterable[Measurement], where: str) -> str:
    """Return the one unit of all latencies, ``none`` if there are none."""
    kinds: dict[tuple[str, str], str] = {}
    for measured in found:
        invoke = measured.metrics.get("latency", {}).get("invoke")
        if invoke is not None:
            kinds.setdefault((invoke.unit, invoke.number_class), measured.combination)
    if len(kinds) > 1 or any(number_class == "estimated" for _, number_class in kinds):
        text = ", ".join(
            f"{unit} ({number_class}) of {name}" for (unit, number_class), name in kinds.items()
        )
        raise BaselineError(
            f"{where}: its latencies are {text}; a claim is held against latencies of one unit and "
            "class that are no estimates"
        )
    return next((unit for unit, _ in kinds), "none")


def _published_cell(row: Mapping[str, str]) -> Cell:
    def number(column: str, factor: float = 1.0) -> float | None:
        return float(row[column]) * factor if row[column] else None

    return Cell(
        flash=number("flash_kib", KIB),
        ram=number("ram_kib", KIB),
        latency=number("latency_ms_mean"),
        mae=number("mae_mean"),
    )


def _own_cell(measured: Measurement) -> Cell:
    def number(metric: str, part: str) -> float | None:
        found = measured.metrics.get(metric, {}).get(part)
        return None if found is None else float(found.value)

    return Cell(
        flash=number("flash", "total"),
        ram=number("ram", "total"),
        latency=number("latency", "invoke"),
        mae=number("error", "mae"),
        output_sha256=measured.output_sha256,
        estimated=number("latency", "estimated_cycles"),
    )
