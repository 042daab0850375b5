"""Each relation holds over figures made for it, and fails once they are made otherwise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from experiments.edgemark import builds
from experiments.edgemark import schemes
from experiments.edgemark.__main__ import main
from experiments.edgemark.cells import Cell
from experiments.edgemark.cells import Cells
from experiments.edgemark.cells import read_own_cells
from experiments.edgemark.cells import read_published_cells
from experiments.edgemark.estimated import estimated_finding
from experiments.edgemark.finding import ClaimError
from experiments.edgemark.finding import Figures
from experiments.edgemark.finding import Finding
from experiments.edgemark.finding import judge
from experiments.edgemark.schemes import CNN
from experiments.edgemark.schemes import FC
from experiments.edgemark.schemes import MODELS
from experiments.edgemark.schemes import SUPPORTED
from experiments.edgemark.study import CLAIMS
from experiments.edgemark.study import STM
from pytest_tinyquant.baselines import schema
from pytest_tinyquant.errors import BaselineError
from pytest_tinyquant.measure.measurement import Measurement
from pytest_tinyquant.metrics.metric import Metric


PARAMETERS = {model: 500 * 2**index for index, model in enumerate(FC)} | {
    model: 1000 * 2**index for index, model in enumerate(CNN)
}
ERRORS = {"basic": 1e-7, "int8": 0.01, "int8-only": 0.01, "16x8": 0.001, "16x8-only": 0.001}
COMPRESSED = ("prune-50", "cluster-16")

Relation = Callable[[Figures], Finding]
Made = dict[tuple[str, str], Cell]


def made() -> Made:
    """Cells over which every claim about schemes holds."""
    cells = {}
    for model in MODELS:
        weights = PARAMETERS[model]
        for scheme in SUPPORTED:
            times = {"basic": 300, "int8": 110, "int8-only": 100, "16x8": 112, "16x8-only": 101}
            if model in FC and PARAMETERS[model] < schemes.SMALL_PARAMETERS:
                times["16x8-only"] = 99
            flash = 50_000 + weights * (4 if scheme == "basic" else 1)
            ram = 2000 if scheme == "int8-only" else 4000
            only = 1000 if scheme.endswith("-only") else 0
            cells[model, scheme] = Cell(flash - only, ram, times[scheme], ERRORS[scheme], "a" * 64)
        for scheme in COMPRESSED:
            cells[model, scheme] = replace(cells[model, "basic"], mae=0.2)
    return cells


def figures(cells: Made, other: Made | None = None) -> Figures:
    def of(found: Made) -> Cells:
        return Cells("made", "ms", found, PARAMETERS, {})

    slower = {key: replace(cell, latency=2 * (cell.latency or 0)) for key, cell in cells.items()}
    levels = {
        "Ofast": of(cells),
        "Os": of({key: replace(c, flash=(c.flash or 0) - 5000) for key, c in slower.items()}),
        "O3-nofpu": of({k: slower[k] if k[1] == "basic" else cell for k, cell in cells.items()}),
    }
    if other is not None:
        levels = dict.fromkeys(levels, of(other))
    return Figures("made", of(cells), levels, {STM: of(other if other is not None else cells)})


HOLDING = [
    schemes.float16_is_refused,
    schemes.dynamic_fails,
    schemes.errors_are_acceptable,
    schemes.basic_is_exact,
    schemes.error_16x8_below_int8,
    schemes.only_is_faster_for_fc,
    schemes.fastest_for_fc,
    schemes.basic_is_slowest_for_cnn,
    schemes.cnn_int8_like_16x8,
    schemes.flash_slopes,
    schemes.schemes_start_alike,
    schemes.only_takes_less_flash,
    schemes.integer_schemes_take_alike,
    schemes.int8_only_has_least_ram,
    schemes.int8_only_is_a_good_choice,
    *(make(scheme) for scheme in COMPRESSED for make in (builds.saves_no_memory,)),
    builds.saves_no_time("prune-50"),
    builds.costs_accuracy("cluster-16"),
    builds.level_keeps_results,
    builds.level_keeps_ram,
    builds.os_is_slower,
    builds.os_takes_less_flash,
    builds.fpu_is_for_basic_only,
    builds.int8_only_needs_no_fpu,
    builds.same_results_as(STM),
]


@pytest.mark.parametrize("relation", HOLDING)
def test_holds_where_it_is_so(relation: Relation) -> None:
    assert relation(figures(made())).verdict == "holds"


@pytest.mark.parametrize(
    ("relation", "model", "scheme", "change"),
    [
        (schemes.float16_is_refused, "fc_3", "float16", {}),
        (schemes.dynamic_fails, "fc_3", "dynamic", {"mae": 0.01}),
        (schemes.errors_are_acceptable, "cnn_2", "16x8", {"mae": 0.05}),
        (schemes.basic_is_exact, "cnn_2", "basic", {"mae": 1e-4}),
        (schemes.error_16x8_below_int8, "cnn_2", "16x8", {"mae": 0.01}),
        (schemes.only_is_faster_for_fc, "fc_7", "int8-only", {"latency": 110}),
        (schemes.fastest_for_fc, "fc_0", "basic", {"latency": 1}),
        (schemes.fastest_for_fc, "fc_10", "16x8-only", {"latency": 1}),
        (schemes.basic_is_slowest_for_cnn, "cnn_1", "basic", {"latency": 199}),
        (schemes.cnn_int8_like_16x8, "cnn_1", "16x8", {"latency": 140}),
        (schemes.flash_slopes, "fc_10", "int8", {"flash": 50_000}),
        (schemes.only_takes_less_flash, "fc_4", "int8-only", {"flash": 10**6}),
        (schemes.integer_schemes_take_alike, "fc_4", "16x8", {"flash": 10**6}),
        (schemes.int8_only_has_least_ram, "fc_4", "16x8", {"ram": 1000}),
        (schemes.int8_only_is_a_good_choice, "fc_4", "int8-only", {"flash": 10**6}),
        (builds.saves_no_memory("prune-50"), "fc_4", "prune-50", {"flash": 1}),
        (builds.saves_no_time("prune-50"), "fc_4", "prune-50", {"latency": 280}),
        (builds.costs_accuracy("cluster-16"), "fc_4", "cluster-16", {"mae": 1e-8}),
    ],
)
def test_does_not_hold_where_it_is_not_so(
    relation: Relation, model: str, scheme: str, change: dict[str, Any]
) -> None:
    cells = made()
    cells[model, scheme] = replace(cells.get((model, scheme), cells[model, "int8"]), **change)
    finding = relation(figures(cells))
    assert finding.verdict == "partly"
    assert len(finding.exceptions) == 1
    assert model in finding.exceptions[0]


@pytest.mark.parametrize(
    ("relation", "change"),
    [
        (builds.level_keeps_results, {"mae": 0.02}),
        (builds.level_keeps_ram, {"ram": 9000}),
        (builds.os_is_slower, {"latency": 50}),
        (builds.os_takes_less_flash, {"flash": 10**6}),
        (builds.fpu_is_for_basic_only, {"ram": 9000}),
        (builds.int8_only_needs_no_fpu, {"latency": 400}),
        (builds.same_results_as(STM), {"output_sha256": "b" * 64}),
    ],
)
def test_does_not_hold_of_another_build_that_differs(
    relation: Relation, change: dict[str, Any]
) -> None:
    other = {key: replace(cell, **change) for key, cell in made().items()}
    assert relation(figures(made(), other)).verdict == "fails"


def test_tells_a_board_that_stops_from_one_that_runs() -> None:
    cells = made()
    assert schemes.stops_on_small_models(figures(cells)).short == "fails 0/6"
    del cells["fc_1", "basic"]
    assert schemes.stops_on_small_models(figures(cells)).short == "partly 1/6"


@pytest.mark.parametrize("relation", HOLDING[2:])
def test_nothing_is_said_about_figures_that_are_not_there(relation: Relation) -> None:
    with pytest.raises(ClaimError):
        relation(figures({}))
    bare = {key: Cell(None, None, None, None) for key in made()}
    with pytest.raises(ClaimError):
        relation(figures(bare))


def test_a_combination_that_neither_runs_nor_is_refused_is_no_evidence() -> None:
    cells = Cells("made", "ms", made(), PARAMETERS, {"fc_0": frozenset({"float16"})})
    with pytest.raises(ClaimError, match="fc_1-float16 neither runs nor is refused"):
        schemes.float16_is_refused(Figures("made", cells, {}, {}))


def test_a_finding_says_where_it_does_not_hold() -> None:
    finding = judge({"fc_0": True, "fc_1": False}, "2 bytes", "made")
    assert (finding.verdict, finding.short, finding.full) == (
        *("partly", "partly 1/2"),
        "partly 1/2, not fc_1",
    )
    assert judge({"fc_0": False}, "", "made").verdict == "fails"
    with pytest.raises(ClaimError, match="made: none of the figures"):
        judge({}, "", "made")


def test_a_damaged_file_of_figures_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(BaselineError, match=r"none\.csv: cannot be read"):
        read_published_cells(tmp_path / "none.csv")
    (tmp_path / "bad.csv").write_text("runtime,board\ntflm,rx65n\n")
    with pytest.raises(BaselineError, match=r"bad\.csv: cannot be read"):
        read_published_cells(tmp_path / "bad.csv")


def test_the_command_says_what_is_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(tmp_path)]) == 1
    assert "edgemark-2024.csv: cannot be read" in capsys.readouterr().err


def test_latencies_of_two_kinds_and_estimates_are_no_figures(
    tmp_path: Path, change: Callable[..., Measurement]
) -> None:
    def write(name: str, latency: Metric) -> None:
        measured = change(model=name, latency_invoke=latency)
        (tmp_path / f"{name}.json").write_text(schema.dump(measured))

    write("cnn_1", Metric(100, "instructions", "exact"))
    write("cnn_2", Metric(200, "instructions", "exact"))
    assert read_own_cells(tmp_path, PARAMETERS, {}).latency_unit == "instructions"
    for latency in (Metric(2, "cycles", "exact"), Metric(2, "instructions", "estimated")):
        write("cnn_2", latency)
        with pytest.raises(BaselineError, match=rf"{latency.unit} \({latency.number_class}\) of c"):
            read_own_cells(tmp_path, PARAMETERS, {})
    (tmp_path / "cnn_1.json").unlink()
    with pytest.raises(BaselineError, match="that are no estimates"):
        read_own_cells(tmp_path, PARAMETERS, {})


def estimated(times: dict[str, float]) -> Figures:
    """Figures whose estimated cycles are those of `times` by scheme, for every model."""
    cells = {
        key: replace(cell, estimated=times[key[1]])
        for key, cell in made().items()
        if key[1] in times
    }
    return figures(cells)


def test_a_claim_about_time_is_open_where_the_range_of_the_estimates_could_turn_it() -> None:
    claim = next(claim for claim in CLAIMS if claim.name == "C09-cnn-basic-is-slow")
    others = dict.fromkeys(("int8", "int8-only", "16x8", "16x8-only"), 100.0)

    far = estimated_finding(claim, estimated({**others, "basic": 300.0}))
    assert far.full == "holds 7/7"

    near = estimated_finding(claim, estimated({**others, "basic": 210.0}))
    assert near.finding.short == "holds 7/7"
    assert near.open_cases == tuple(f"{model}-basic" for model in CNN)
    assert near.full.startswith("holds 7/7; open 7: cnn_1-basic cnn_2-basic")


def test_a_baseline_without_an_estimate_is_named() -> None:
    claim = next(claim for claim in CLAIMS if claim.name == "C10-cnn-int8-as-fast-as-16x8")
    with pytest.raises(ClaimError, match=r"fc_0-basic has no estimated cycles"):
        estimated_finding(claim, figures(made()))
