"""The study's claims about pruning, clustering, compilers, the FPU and the two boards."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from experiments.edgemark.cells import KIB
from experiments.edgemark.cells import Cell
from experiments.edgemark.cells import Cells
from experiments.edgemark.finding import Figures
from experiments.edgemark.finding import Finding
from experiments.edgemark.finding import judge
from experiments.edgemark.finding import number
from experiments.edgemark.finding import span
from experiments.edgemark.schemes import INTEGER
from experiments.edgemark.schemes import MODELS


BUILT: Final = ("basic", "int8-only")
"""The schemes for which the study tried other builds."""

OTHER_LEVELS: Final = ("Ofast", "Os")


def saves_no_memory(scheme: str) -> Callable[[Figures], Finding]:
    """Return the relation between basic and a compressing scheme."""

    def relation(figures: Figures) -> Finding:
        """Say that a compressed model takes exactly the flash and RAM of basic."""
        cases = {
            model: _memory(cell, figures) == _memory(basic, figures)
            for model, cell, basic in figures.here.pairs(MODELS, scheme, "basic")
        }
        return judge(cases, "0 bytes saved where it holds", figures.here.where)

    return relation


def saves_no_time(scheme: str) -> Callable[[Figures], Finding]:
    """Return the relation between basic and a compressing scheme."""

    def relation(figures: Figures) -> Finding:
        """Say that a compressed model takes the time of basic, to 3 %."""
        off = {
            model: abs(_latency(cell, figures) / _latency(basic, figures) - 1)
            for model, cell, basic in figures.here.pairs(MODELS, scheme, "basic")
        }
        cases = {model: difference <= 0.03 for model, difference in off.items()}
        return judge(cases, f"at most {max(off.values(), default=0):.2%}", figures.here.where)

    return relation


def costs_accuracy(scheme: str) -> Callable[[Figures], Finding]:
    """Return the relation between basic and a compressing scheme."""

    def relation(figures: Figures) -> Finding:
        """Say that a compressed model errs more than basic."""
        pairs = [
            (model, _mae(cell, figures), _mae(basic, figures))
            for model, cell, basic in figures.here.pairs(MODELS, scheme, "basic")
        ]
        largest = max((mae for _, mae, _ in pairs), default=0)
        cases = {model: mae > basic for model, mae, basic in pairs}
        return judge(cases, f"up to {largest:.3g} of range", figures.here.where)

    return relation


def level_keeps_results(figures: Figures) -> Finding:
    """Say that -Ofast and -Os err exactly as -O3 does."""
    cases = {
        f"{name} {build}": _mae(there, figures) == _mae(here, figures)
        for build in OTHER_LEVELS
        for name, there, here in _built(figures, figures.build(build))
    }
    return judge(cases, "equal to the last digit", figures.here.where)


def level_keeps_ram(figures: Figures) -> Finding:
    """Say that -Ofast and -Os take the RAM of -O3, to 16 bytes."""
    differences = _differences(figures, lambda cell: number(cell.ram, "RAM", figures.here.where))
    cases = {name: abs(difference) <= 16 for name, difference in differences.items()}
    largest = max(map(abs, differences.values()), default=0)
    return judge(cases, f"at most {largest:.0f} bytes apart", figures.here.where)


def os_takes_less_flash(figures: Figures) -> Finding:
    """Say that -Os takes slightly less flash than -O3: up to 20 KiB."""
    flash = {
        name: difference
        for name, difference in _differences(figures, lambda cell: _flash(cell, figures)).items()
        if name.endswith(" Os")
    }
    cases = {name: -20 * KIB <= difference < 0 for name, difference in flash.items()}
    saved = span((-difference for difference in flash.values()), ".0f")
    return judge(cases, f"{saved} bytes less", figures.here.where)


def os_is_slower(figures: Figures) -> Finding:
    """Say that -Ofast takes the time of -O3, to 2 %, and -Os more."""
    cases, slower = {}, []
    for build in OTHER_LEVELS:
        for name, there, here in _built(figures, figures.build(build)):
            ratio = _latency(there, figures) / _latency(here, figures)
            cases[f"{name} {build}"] = abs(ratio - 1) <= 0.02 if build == "Ofast" else ratio > 1
            slower += [ratio] if build == "Os" else []
    return judge(cases, f"-Os {span(slower)} times -O3", figures.here.where)


def fpu_is_for_basic_only(figures: Figures) -> Finding:
    """Say that without FPU basic takes more time, and nothing else changes.

    More is half as much again; no change is 1 % of time, 1 KiB of flash, no RAM, 1e-6 of error.
    """
    cases, ratios = {}, []
    for name, there, here in _built(figures, figures.build("O3-nofpu")):
        ratio = _latency(there, figures) / _latency(here, figures)
        basic = name.endswith("basic")
        ratios += [ratio] if basic else []
        cases[name] = (
            (ratio > 1.5 if basic else abs(ratio - 1) <= 0.01)
            and abs(_flash(there, figures) - _flash(here, figures)) <= KIB
            and there.ram == here.ram
            and abs(_mae(there, figures) - _mae(here, figures)) <= 1e-6
        )
    return judge(cases, f"basic {span(ratios)} times", figures.here.where)


def int8_only_needs_no_fpu(figures: Figures) -> Finding:
    """Say that int8-only without an FPU is faster than basic with one."""
    without = figures.build("O3-nofpu")
    ratios = {
        model: _latency(cell, figures) / _latency(basic, figures)
        for model in MODELS
        if (cell := without.get(model, "int8-only")) and (basic := figures.here.get(model, "basic"))
    }
    cases = {model: ratio < 1 for model, ratio in ratios.items()}
    return judge(cases, f"{span(ratios.values())} of basic's time", figures.here.where)


def same_results_as(board: str) -> Callable[[Figures], Finding]:
    """Return the relation between this board and another."""

    def relation(figures: Figures) -> Finding:
        """Say that integer schemes give the same results on this board as on the NUCLEO.

        By the digest of all outputs where it is kept; else by the error, to 1e-12.
        """
        cases = {}
        for scheme in INTEGER:
            for model in MODELS:
                here, there = (
                    figures.here.get(model, scheme),
                    figures.other(board).get(model, scheme),
                )
                if here is not None and there is not None:
                    cases[f"{model}-{scheme}"] = _same(here, there, figures)
        return judge(cases, "outputs equal byte for byte, or errors to 1e-12", figures.here.where)

    return relation


def _same(here: Cell, there: Cell, figures: Figures) -> bool:
    if here.output_sha256 and there.output_sha256:
        return here.output_sha256 == there.output_sha256
    return abs(_mae(here, figures) - _mae(there, figures)) <= 1e-12


def _differences(figures: Figures, take: Callable[[Cell], float]) -> dict[str, float]:
    """Return how much more the other levels have, by combination and level."""
    return {
        f"{name} {build}": take(there) - take(here)
        for build in OTHER_LEVELS
        for name, there, here in _built(figures, figures.build(build))
    }


def _built(figures: Figures, other: Cells) -> list[tuple[str, Cell, Cell]]:
    """Return each combination with its cells in another build and in the usual one."""
    return [
        (f"{model}-{scheme}", there, here)
        for scheme in BUILT
        for model in MODELS
        if (there := other.get(model, scheme)) and (here := figures.here.get(model, scheme))
    ]


def _latency(cell: Cell, figures: Figures) -> float:
    return number(cell.latency, "latency", figures.here.where)


def _memory(cell: Cell, figures: Figures) -> tuple[float, float]:
    return _flash(cell, figures), number(cell.ram, "RAM", figures.here.where)


def _flash(cell: Cell, figures: Figures) -> float:
    return number(cell.flash, "flash", figures.here.where)


def _mae(cell: Cell, figures: Figures) -> float:
    return number(cell.mae, "error", figures.here.where)
