"""Print what the engine costs beside TensorFlow Lite Micro with CMSIS-NN, as Markdown.

python benchmarks/against_tflm.py [--kernels reference|cortex_m_dsp] > table.md

Own figures are measured now, on the emulated board. TensorFlow Lite Micro's are in
tflm-cortex-m4.csv: measured once, in the same emulator with the same compiler; see README.md.
"""

from __future__ import annotations

import argparse
import csv
import dataclasses
import math
import os
import sys
import tempfile
from collections.abc import Iterator
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pytest_tinyquant.engine.plan import plan as make_plan
from pytest_tinyquant.models.tflite_reader import read_graph
from pytest_tinyquant.project.board_types import Board
from pytest_tinyquant.project.case import Case
from pytest_tinyquant.project.project import load_project
from pytest_tinyquant.project.settings import EXTRA_MODELS_VARIABLE
from pytest_tinyquant.project.settings import Settings
from pytest_tinyquant.project.settings import extra_models
from pytest_tinyquant.schemes.scheme import SCHEMES
from pytest_tinyquant.stages.pipeline import Stages


HERE = Path(__file__).parent
SCHEME_NAMES = ("int8-only", "16x8-only", "basic")

#: The same network in MLPerf Tiny, whose figures of TensorFlow Lite Micro carry this name.
EXTRA = {"mlperf-tiny/kws01_dscnn_int8": "ds_cnn"}

#: (family, scheme) -> largest acceptable geometric mean of instructions over TFLM + CMSIS-NN's.
GOALS = {
    ("cnn", "int8-only"): 0.55,
    ("cnn", "16x8-only"): 0.60,
    ("cnn", "basic"): 0.35,
    ("fc", "int8-only"): 0.50,
    ("fc", "16x8-only"): 0.50,
    ("fc", "basic"): 0.35,
    ("ds", "int8-only"): 0.60,
}


@dataclass(frozen=True)
class Cost:
    """What one model costs: instructions of one invoke, and bytes."""

    instructions: int
    flash: int
    arena: int


@dataclass(frozen=True)
class Row:
    """One model and scheme, own and TensorFlow Lite Micro's.

    :param beyond_weights: bytes of kernels, engine and tables; start-up and console excluded.
    :param bound: bytes of the largest set of tensors alive at once.
    :param macs: multiply-accumulates of one invoke.
    """

    model: str
    scheme: str
    own: Cost
    beyond_weights: int
    bound: int
    macs: int
    tflm: Cost

    @property
    def ratio(self) -> float:
        """Return own instructions over TensorFlow Lite Micro's."""
        return self.own.instructions / self.tflm.instructions


def read_tflm(kernels: str) -> dict[tuple[str, str], Cost]:
    """Return TensorFlow Lite Micro's figures by (model, scheme)."""
    with (HERE / "tflm-cortex-m4.csv").open(newline="") as file:
        return {
            (row["model"], row["scheme"]): Cost(
                int(row["instructions"]), int(row["flash_bytes"]), int(row["arena_bytes"])
            )
            for row in csv.DictReader(file)
            if row["kernels"] == kernels
        }


def measure_all(board_name: str, kernels: str) -> Iterator[Row]:
    """Measure every model of the zoo, and DS-CNN where the extra models are there."""
    root = HERE.parent
    settings = Settings(
        root=root,
        models_dir=root / "models",
        baselines_dir=root / "baselines",
        extra_models=extra_models(os.environ.get(EXTRA_MODELS_VARIABLE, "")),
    )
    tflm = read_tflm("cmsis_nn")
    with tempfile.TemporaryDirectory() as work_dir:
        project = load_project(settings, Path(work_dir))
        board = dataclasses.replace(project.boards[board_name], kernels=kernels)
        stages = Stages(project)
        for name in project.models:
            for scheme in SCHEME_NAMES:
                reference = tflm.get((EXTRA.get(name, name), scheme))
                if reference is None or (name in EXTRA and scheme != "int8-only"):
                    continue
                print(f"{name} {scheme}", file=sys.stderr)
                yield measure(stages, board, name, scheme, reference)


def measure(stages: Stages, board: Board, name: str, scheme: str, tflm: Cost) -> Row:
    """Measure one model and scheme on the emulated board."""
    model = stages.project.models[name]
    measurement = stages.measure(Case(model, SCHEMES[scheme], board))
    graph = read_graph(stages.convert(model, SCHEMES[scheme]).read())
    plan = make_plan(graph, name=name, kernels=board.kernels)
    flash = {part: int(metric.value) for part, metric in measurement.metrics["flash"].items()}
    return Row(
        model=EXTRA.get(name, name),
        scheme=scheme,
        own=Cost(
            int(measurement.metrics["latency"]["invoke"].value),
            flash["total"],
            int(measurement.metrics["ram"]["arena"].value),
        ),
        beyond_weights=flash["kernels"] + flash["engine"] + flash["model"],
        bound=plan.lower_bound_bytes,
        macs=sum(op.macs for op in plan.ops),
        tflm=tflm,
    )


def geometric_mean(values: Sequence[float]) -> float:
    """Return the geometric mean of positive numbers."""
    return math.exp(sum(map(math.log, values)) / len(values))


def print_models(rows: Sequence[Row], scheme: str) -> None:
    """Print one scheme's table."""
    print(f"\n### {scheme}\n")
    print(
        "| model | instructions | TFLM + CMSIS-NN | ratio | per MAC | flash, bytes | TFLM "
        "| of it kernels and tables | arena, bytes | bound | TFLM |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    for row in rows:
        if row.scheme == scheme:
            print(
                f"| {row.model} | {row.own.instructions:,} | {row.tflm.instructions:,} "
                f"| {row.ratio:.2f} | {row.own.instructions / row.macs:.2f} "
                f"| {row.own.flash:,} | {row.tflm.flash:,} | {row.beyond_weights:,} "
                f"| {row.own.arena:,} | {row.bound:,} | {row.tflm.arena:,} |"
            )


def print_goals(rows: Sequence[Row]) -> None:
    """Print the geometric means against the goals, and how the arenas stand."""
    print("| models | scheme | instructions over TFLM + CMSIS-NN | goal |")
    print("|---|---|---|---|")
    for (family, scheme), goal in GOALS.items():
        ratios = [
            row.ratio for row in rows if row.model.startswith(family) and row.scheme == scheme
        ]
        if ratios:
            print(f"| {family} | {scheme} | {geometric_mean(ratios):.3f} | {goal} |")
    at_bound = sum(row.own.arena == row.bound for row in rows)
    above = [f"{row.model} {row.scheme}" for row in rows if row.own.arena > row.tflm.arena]
    print(f"\nArena: equal to the lower bound for {at_bound} of {len(rows)} models and schemes; ")
    print(f"above TFLM's for {', '.join(above) if above else 'none'}.")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--kernels", default="cortex_m_dsp", help="kernel set")
    parser.add_argument("--board", default="nucleo-l4r5zi")
    arguments = parser.parse_args()
    rows = list(measure_all(arguments.board, arguments.kernels))
    print_goals(rows)
    for scheme in SCHEME_NAMES:
        print_models(rows, scheme)


if __name__ == "__main__":
    main()
