"""The study's claims about quantization schemes, each a relation between figures of one board.

Where the study says "similar" or "slightly", the limit is stated here, in the claim's own terms.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterable
from typing import Final

from experiments.edgemark.cells import KIB
from experiments.edgemark.cells import Cell
from experiments.edgemark.finding import ClaimError
from experiments.edgemark.finding import Figures
from experiments.edgemark.finding import Finding
from experiments.edgemark.finding import judge
from experiments.edgemark.finding import number
from experiments.edgemark.finding import span


FC: Final = tuple(f"fc_{index}" for index in range(11))
CNN: Final = tuple(f"cnn_{index}" for index in range(1, 8))
MODELS: Final = (*FC, *CNN)
INTEGER: Final = ("int8", "int8-only", "16x8", "16x8-only")
SUPPORTED: Final = ("basic", *INTEGER)

ACCEPTABLE_MAE: Final = 0.05
SMALL_PARAMETERS: Final = 2500
"""The study's "small" models are those below: FC_0 to FC_4."""


def float16_is_refused(figures: Figures) -> Finding:
    """Say that no model runs with float16 weights."""
    return _refused(figures, "float16")


def dynamic_fails(figures: Figures) -> Finding:
    """Say that dynamic-range models are refused, or err by more than is acceptable."""
    return _refused(figures, "dynamic")


def stops_on_small_models(figures: Figures) -> Finding:
    """Say that FC_1 and FC_2 give nothing as basic, int8-only and 16x8-only."""
    combinations = [(m, s) for m in ("fc_1", "fc_2") for s in ("basic", "int8-only", "16x8-only")]
    cases = {f"{m}-{s}": figures.here.get(m, s) is None for m, s in combinations}
    there = sum(figures.here.get(m, s) is not None for m in ("fc_1", "fc_2") for s in SUPPORTED)
    return judge(cases, f"{there} of their 10 combinations gave figures", figures.here.where)


def errors_are_acceptable(figures: Figures) -> Finding:
    """Say that every supported scheme errs by less than 0.05 of the range."""
    found = _by_name(figures, SUPPORTED, "error", lambda cell: cell.mae)
    worst = max(found, key=found.__getitem__, default="")
    cases = {name: mae < ACCEPTABLE_MAE for name, mae in found.items()}
    return judge(cases, f"largest {found.get(worst, 0):.3g} of range ({worst})", figures.here.where)


def basic_is_exact(figures: Figures) -> Finding:
    """Say that the float model errs by nothing but rounding: 1e-5 of the range."""
    found = _by_name(figures, ("basic",), "error", lambda cell: cell.mae)
    cases = {name: mae < 1e-5 for name, mae in found.items()}
    return judge(
        cases, f"largest {max(found.values(), default=0):.2g} of range", figures.here.where
    )


def error_16x8_below_int8(figures: Figures) -> Finding:
    """Say that 16x8 errs less than int8, with float and with integer inputs and outputs."""
    ratios = _ratios(figures, MODELS, ("16x8", "int8"), "error", lambda cell: cell.mae)
    ratios |= _ratios(figures, MODELS, ("16x8-only", "int8-only"), "error", lambda c: c.mae)
    return _below(ratios, 1.0, "16x8 errs {} of what int8 does", figures)


def only_is_faster_for_fc(figures: Figures) -> Finding:
    """Say that FC models are faster with integer inputs and outputs."""
    ratios = _ratios(figures, FC, ("int8-only", "int8"), "latency", _latency)
    ratios |= _ratios(figures, FC, ("16x8-only", "16x8"), "latency", _latency)
    return _below(ratios, 1.0, "{} of the time", figures)


def fastest_for_fc(figures: Figures) -> Finding:
    """Say that 16x8-only is the fastest of all for small FC models, int8-only for large ones."""
    cases, fastest = {}, []
    for model in FC:
        times = _times(figures, model)
        if len(times) == len(SUPPORTED):
            best = min(times, key=times.__getitem__)
            small = figures.here.parameters[model] < SMALL_PARAMETERS
            cases[model] = best == ("16x8-only" if small else "int8-only")
            fastest.append(f"{model} {best}")
    return judge(cases, ", ".join(fastest), figures.here.where)


def basic_is_slowest_for_cnn(figures: Figures) -> Finding:
    """Say that basic is very slow for CNN models: twice the time of int8-only."""
    ratios = _ratios(figures, CNN, ("basic", "int8-only"), "latency", _latency)
    cases = {name: ratio >= 2 for name, ratio in ratios.items()}
    return judge(cases, f"{span(ratios.values())} times int8-only", figures.here.where)


def cnn_int8_like_16x8(figures: Figures) -> Finding:
    """Say that int8 and 16x8 take about the same time for CNN models, to 20 %."""
    ratios = _ratios(figures, CNN, ("16x8", "int8"), "latency", _latency)
    cases = {name: abs(ratio - 1) <= 0.2 for name, ratio in ratios.items()}
    return judge(cases, f"{span(ratios.values())} times int8", figures.here.where)


def flash_slopes(figures: Figures) -> Finding:
    """Say that a parameter takes 4 bytes of flash in basic and 1 byte in other schemes, to 0.1.

    The slope is taken between the two largest models of each family, which differ in parameters
    only: FC_9 to FC_10 and CNN_6 to CNN_7.
    """
    cases, slopes = {}, []
    for small, large in (("fc_9", "fc_10"), ("cnn_6", "cnn_7")):
        parameters = figures.here.parameters[large] - figures.here.parameters[small]
        for scheme in SUPPORTED:
            cells = figures.here.get(small, scheme), figures.here.get(large, scheme)
            if cells[0] is None or cells[1] is None:
                continue
            first, second = (_flash(cell, figures) for cell in cells if cell is not None)
            slope = (second - first) / parameters
            cases[f"{small} to {large} {scheme}"] = (
                abs(slope - (4 if scheme == "basic" else 1)) < 0.1
            )
            slopes.append(f"{slope:.2f}")
    return judge(cases, f"{', '.join(slopes)} bytes per parameter", figures.here.where)


def schemes_start_alike(figures: Figures) -> Finding:
    """Say that all schemes start at about the same flash: FC_0 within 8 KiB."""
    return _within(figures, ("fc_0",), SUPPORTED, 8 * KIB)


def only_takes_less_flash(figures: Figures) -> Finding:
    """Say that integer inputs and outputs take slightly less flash: up to 8 KiB."""
    cases, savings = {}, []
    for one, other in (("int8-only", "int8"), ("16x8-only", "16x8")):
        for model, first, second in figures.here.pairs(MODELS, one, other):
            saved = _flash(second, figures) - _flash(first, figures)
            cases[f"{model}-{one}"] = 0 < saved <= 8 * KIB
            savings.append(saved)
    return judge(cases, f"{span(savings, '.0f')} bytes less", figures.here.where)


def integer_schemes_take_alike(figures: Figures) -> Finding:
    """Say that the schemes other than basic take almost the same flash: within 12 KiB."""
    return _within(figures, MODELS, INTEGER, 12 * KIB)


def int8_only_has_least_ram(figures: Figures) -> Finding:
    """Say that int8-only takes no more RAM than any other scheme, to 0.1 KiB."""
    cases, excess = {}, []
    for other in SUPPORTED:
        if other == "int8-only":
            continue
        for model, first, second in figures.here.pairs(MODELS, "int8-only", other):
            more = _ram(first, figures) - _ram(second, figures)
            cases[f"{model}-{other}"] = more <= 0.1 * KIB
            excess.append(more)
    return judge(cases, f"at most {max(excess, default=0):.0f} bytes more", figures.here.where)


def int8_only_is_a_good_choice(figures: Figures) -> Finding:
    """Say that int8-only errs acceptably and has the least flash and RAM, to 2 % and 0.1 KiB.

    The study only recommends it; this is what it recommends it for.
    """
    cases = {}
    for model in MODELS:
        cells = [cell for scheme in SUPPORTED if (cell := figures.here.get(model, scheme))]
        choice = figures.here.get(model, "int8-only")
        if choice is None:
            continue
        least_flash = min(_flash(cell, figures) for cell in cells)
        least_ram = min(_ram(cell, figures) for cell in cells)
        cases[model] = (
            number(choice.mae, "error", figures.here.where) < ACCEPTABLE_MAE
            and _flash(choice, figures) <= 1.02 * least_flash
            and _ram(choice, figures) <= least_ram + 0.1 * KIB
        )
    return judge(cases, f"{sum(cases.values())} models", figures.here.where)


def _refused(figures: Figures, scheme: str) -> Finding:
    """Judge a scheme by what is known to be refused, and by the error of what is not."""
    cases, ran = {}, []
    for model in MODELS:
        cell = figures.here.get(model, scheme)
        known = scheme in figures.here.refused.get(model, ())
        if figures.here.refused and cell is None and not known:
            raise ClaimError(f"{figures.here.where}: {model}-{scheme} neither runs nor is refused")
        cases[model] = (
            cell is None or number(cell.mae, "error", figures.here.where) > ACCEPTABLE_MAE
        )
        ran += [model] if cell is not None else []
    return judge(cases, f"{len(ran)} of {len(MODELS)} models gave figures", figures.here.where)


def _by_name(
    figures: Figures, schemes: Iterable[str], what: str, take: Callable[[Cell], float | None]
) -> dict[str, float]:
    return {
        f"{model}-{scheme}": number(take(cell), what, figures.here.where)
        for scheme in schemes
        for model in MODELS
        if (cell := figures.here.get(model, scheme)) is not None
    }


def _ratios(
    figures: Figures,
    models: Iterable[str],
    schemes: tuple[str, str],
    what: str,
    take: Callable[[Cell], float | None],
) -> dict[str, float]:
    """Return by model what one scheme has over what the other has."""
    ratios = {}
    for model, first, second in figures.here.pairs(models, *schemes):
        one, other = (number(take(cell), what, figures.here.where) for cell in (first, second))
        ratios[f"{model}-{schemes[0]}"] = one / other if other else float("inf")
    return ratios


def _below(ratios: dict[str, float], limit: float, figure: str, figures: Figures) -> Finding:
    cases = {name: ratio < limit for name, ratio in ratios.items()}
    return judge(cases, figure.format(span(ratios.values())), figures.here.where)


def _within(
    figures: Figures, models: Iterable[str], schemes: tuple[str, ...], limit: float
) -> Finding:
    """Judge whether a model's flash differs by less than a limit between schemes."""
    spreads = {}
    for model in models:
        cells = [figures.here.get(model, scheme) for scheme in schemes]
        found = [_flash(cell, figures) for cell in cells if cell is not None]
        if len(found) == len(schemes):
            spreads[model] = max(found) - min(found)
    cases = {model: spread <= limit for model, spread in spreads.items()}
    return judge(cases, f"{span(spreads.values(), '.0f')} bytes apart", figures.here.where)


def _times(figures: Figures, model: str) -> dict[str, float]:
    return {
        scheme: number(cell.latency, "latency", figures.here.where)
        for scheme in SUPPORTED
        if (cell := figures.here.get(model, scheme)) is not None
    }


def _latency(cell: Cell) -> float | None:
    return cell.latency


def _flash(cell: Cell, figures: Figures) -> float:
    return number(cell.flash, "flash", figures.here.where)


def _ram(cell: Cell, figures: Figures) -> float:
    return number(cell.ram, "RAM", figures.here.where)
