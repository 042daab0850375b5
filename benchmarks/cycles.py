"""Print the engine's estimated cycles beside published times of real boards, as Markdown.

python benchmarks/cycles.py > table.md

Own figures are estimates for the emulated NUCLEO-L4R5ZI (docs/cycle-model.md), made now, with the
flash in two banks and in one, and with an arena that may grow. Published ones were measured on the
board: TensorFlow Lite Micro by the EdgeMark study (baselines/published), the records of MLPerf Tiny
by their submitters (mlperf-tiny.csv).
"""

from __future__ import annotations

import csv
import dataclasses
import os
import sys
import tempfile
from collections.abc import Iterator
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pytest_tinyquant.measure.measurement import Estimate
from pytest_tinyquant.project.board_types import Board
from pytest_tinyquant.project.case import Case
from pytest_tinyquant.project.project import load_project
from pytest_tinyquant.project.settings import EXTRA_MODELS_VARIABLE
from pytest_tinyquant.project.settings import Settings
from pytest_tinyquant.project.settings import extra_models
from pytest_tinyquant.report.published import read_published
from pytest_tinyquant.schemes.scheme import SCHEMES
from pytest_tinyquant.stages.pipeline import Stages


HERE = Path(__file__).parent
BOARD = "nucleo-l4r5zi"
SCHEME_NAMES = ("int8-only", "16x8-only", "basic")
MLPERF = "mlperf-tiny/"
ONE_BANK_BITS = 128
SPARE_BYTES = 8192


@dataclass(frozen=True)
class Row:
    """One model and scheme: estimates with the flash in two banks and in one, and its arena.

    `roomy` is with two banks and an arena that may have SPARE_BYTES more.
    """

    model: str
    scheme: str
    macs: int
    instructions: int
    arena: int
    two_banks: Estimate
    one_bank: Estimate
    roomy: Estimate
    roomy_arena: int
    op_macs: tuple[int, ...]

    @property
    def milliseconds(self) -> float:
        """Return the estimated time with the flash in two banks."""
        assert self.two_banks.milliseconds is not None
        return self.two_banks.milliseconds

    @property
    def range(self) -> str:
        """Return the times that a board is expected to take."""
        clock, low, high = self.two_banks.clock_hz, self.two_banks.low, self.two_banks.high
        assert clock and low and high
        return f"{low / clock * 1e3:.3g} to {high / clock * 1e3:.3g}"


def measure_all() -> Iterator[Row]:
    """Measure the zoo, and MLPerf Tiny's models where they are there."""
    root = HERE.parent
    settings = Settings(
        root=root,
        models_dir=root / "models",
        baselines_dir=root / "baselines",
        extra_models=extra_models(os.environ.get(EXTRA_MODELS_VARIABLE, "")),
    )
    with tempfile.TemporaryDirectory() as work_dir:
        project = load_project(settings, Path(work_dir))
        stages = Stages(project, estimate_cycles="always")
        for name in project.models:
            records = {f"{MLPERF}{line['model']}" for line in read_records()}
            if name.startswith(MLPERF) and name not in records:
                continue
            for scheme in ("int8-only",) if name.startswith(MLPERF) else SCHEME_NAMES:
                print(f"{name} {scheme}", file=sys.stderr)
                yield measure(stages, project.boards[BOARD], name, scheme)


def measure(stages: Stages, board: Board, name: str, scheme: str) -> Row:
    """Measure one model and scheme on the emulated board."""
    model = stages.project.models[name]
    assert board.timing is not None
    timing = dataclasses.replace(board.timing, read_bits=ONE_BANK_BITS)
    one_bank = dataclasses.replace(board, timing=timing)
    roomy_board = dataclasses.replace(board, spare_arena_bytes=SPARE_BYTES)
    two = stages.measure(Case(model, SCHEMES[scheme], board))
    roomy = stages.measure(Case(model, SCHEMES[scheme], roomy_board))
    one = stages.measure(Case(model, SCHEMES[scheme], one_bank))
    assert two.structure is not None
    return Row(
        name.removeprefix(MLPERF),
        scheme,
        sum(two.structure.macs),
        int(two.metrics["latency"]["invoke"].value),
        int(two.metrics["ram"]["arena"].value),
        two.estimates[0],
        one.estimates[0],
        roomy.estimates[0],
        int(roomy.metrics["ram"]["arena"].value),
        tuple(two.structure.macs),
    )


def read_records() -> list[dict[str, str]]:
    """Return the published times of MLPerf Tiny's models."""
    with (HERE / "mlperf-tiny.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def print_zoo(rows: Sequence[Row]) -> None:
    """Print the zoo beside the study's times of TensorFlow Lite Micro on the board."""
    published = {
        (row.model, row.scheme): row.figures.get("latency")
        for row in read_published(HERE.parent / "baselines" / "published")
        if row.board == BOARD
    }
    print(
        "| model | scheme | cycles, estimated | ms at 120 MHz | range, ms | one bank, ms | per MAC "
        "| instructions | with more arena, ms | arena, bytes | TFLM + CMSIS-NN on the board, ms "
        "| ratio |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|---|---|")
    for row in rows:
        theirs = published.get((row.model, row.scheme))
        cells = (
            ("", "") if theirs is None else (f"{theirs:.4g}", f"{row.milliseconds / theirs:.2f}")
        )
        print(
            f"| {row.model} | {row.scheme} | {row.two_banks.number.value:,} "
            f"| {row.milliseconds:.3g} | {row.range} | {row.one_bank.milliseconds:.3g} "
            f"| {row.two_banks.number.value / row.macs:.2f} | {row.instructions:,} "
            f"| {row.roomy.milliseconds:.3g} | {row.arena:,} to {row.roomy_arena:,} "
            f"| {cells[0]} | {cells[1]} |"
        )


def print_mlperf(rows: Sequence[Row]) -> None:
    """Print MLPerf Tiny's models beside the records."""
    print(
        "| benchmark | two banks, ms | range, ms | one bank, ms | per MAC | arena, bytes "
        "| with more arena, ms | arena, bytes | published on the board, ms "
        "| estimate in that mode over it |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|")
    for row in rows:
        for record in read_records():
            if record["model"] != row.model:
                continue
            theirs = float(record["milliseconds"])
            ours = row.one_bank if record["flash_mode"] == "single bank" else row.two_banks
            assert ours.milliseconds is not None
            who = " ".join(filter(None, (record["submitter"], record["software"])))
            print(
                f"| {record['benchmark']} | {row.milliseconds:.3g} | {row.range} "
                f"| {row.one_bank.milliseconds:.3g} "
                f"| {row.two_banks.number.value / row.macs:.2f} | {row.arena:,} "
                f"| {row.roomy.milliseconds:.3g} | {row.roomy_arena:,} "
                f"| {theirs:g} ({who}, {record['round']}, flash mode {record['flash_mode']}) "
                f"| {ours.milliseconds / theirs:.2f} |"
            )


def print_operators(rows: Sequence[Row]) -> None:
    """Print where MLPerf Tiny's models spend their cycles, by kind of operator."""
    print("| model | operators | number | cycles, estimated | share | multiply-adds | per MAC |")
    print("|---|---|---|---|---|---|---|")
    for row in rows:
        kinds: dict[str, list[tuple[int, int]]] = {}
        for (label, cycles), macs in zip(row.two_banks.ops, row.op_macs, strict=True):
            kinds.setdefault(label.partition("[")[0], []).append((cycles, macs))
        for kind, found in sorted(kinds.items(), key=lambda pair: -sum(c for c, _ in pair[1])):
            cycles, macs = (sum(column) for column in zip(*found, strict=True))
            per_mac = f"{cycles / macs:.2f}" if macs else ""
            print(
                f"| {row.model} | {kind} | {len(found)} | {cycles:,} "
                f"| {cycles / row.two_banks.number.value:.1%} | {macs:,} | {per_mac} |"
            )


def main() -> None:
    """Measure and print."""
    rows = list(measure_all())
    records = {line["model"] for line in read_records()}
    print_mlperf([row for row in rows if row.model in records])
    print()
    print_operators([row for row in rows if row.model in records])
    print()
    print_zoo([row for row in rows if row.model not in records])


if __name__ == "__main__":
    main()
