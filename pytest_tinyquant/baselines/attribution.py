"""Where a change comes from: the operators, symbols and tensors that grew."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Final

from pytest_tinyquant.baselines.align import OpChange
from pytest_tinyquant.baselines.align import align_ops
from pytest_tinyquant.baselines.cause import Cause
from pytest_tinyquant.baselines.cause import CauseKind
from pytest_tinyquant.measure.measurement import ArenaTensor
from pytest_tinyquant.measure.measurement import Measurement
from pytest_tinyquant.metrics.built_in import ESTIMATED_CYCLES
from pytest_tinyquant.metrics.registry import METRICS
from pytest_tinyquant.metrics.spec import Explanation
from pytest_tinyquant.metrics.text import number_text
from pytest_tinyquant.system.cxx_names import readable


#: Causes of a kind that are listed; the rest is summed up.
MOST_CAUSES: Final = 6

#: Variables listed where the baseline has none to compare with.
MOST_VARIABLES: Final = 3


def explain(metric: str, old: Measurement, new: Measurement) -> tuple[Cause, ...]:
    """Return where a regression of ``metric`` comes from, as far as the recorded numbers tell."""
    return tuple(
        cause
        for kind in METRICS[metric].explained_by
        if kind in EXPLANATIONS
        for cause in EXPLANATIONS[kind](metric, old, new)
    )


def _operator_causes(metric: str, old: Measurement, new: Measurement) -> Sequence[Cause]:
    """Return the operators whose count grew, largest growth first, then those that are gone."""
    changes = align_ops(old.ops, new.ops)
    grown = sorted((c for c in changes if c.delta > 0), key=lambda c: -c.delta)
    gone = [c for c in changes if c.new is None]
    # Baselines count operators as the board does, whatever decides about their sum.
    unit = ", instructions" if ESTIMATED_CYCLES in new.gate_names(metric) else ""
    causes = [
        Cause(
            "layer",
            change.name,
            change.old.count if change.old else None,
            change.new.count if change.new else None,
            about=f"{_kernel_text(change)}{unit}",
        )
        for change in (*grown, *gone)
    ]
    if _part_delta(old, new, metric, "walk") > 0:
        before, after = (side.metrics[metric]["walk"].value for side in (old, new))
        causes.append(Cause("layer", "between the operators", before, after, about="tq_invoke"))
    if not causes and not (old.ops and new.ops):
        return [Cause("note", about="no counts per operator to tell the layer")]
    return _most(causes)


def _symbol_causes(metric: str, old: Measurement, new: Measurement) -> Sequence[Cause]:
    """Return the symbols that grew or are new, largest growth first.

    Where no symbol explains the growth, the parts of the image that grew are named instead.
    """
    return _sizes_causes("symbol", old.symbols, new.symbols) or _part_causes(metric, old, new)


def _arena_causes(metric: str, old: Measurement, new: Measurement) -> Sequence[Cause]:
    """Return the tensors that moved the arena's peak."""
    growth = _part_delta(old, new, metric, "arena")
    if growth <= 0:
        return ()
    before = _sizes(old.arena_tensors)
    causes = []
    for name, size in _sizes(new.arena_tensors).items():
        if size > before.get(name, 0):
            what = "new at the arena's peak" if name not in before else "grown at the arena's peak"
            causes.append(Cause("tensor", name, before.get(name), size, about=what))
    causes = _largest_first(causes)
    if sum(cause.delta or 0 for cause in causes) < growth:
        causes += _placement(metric, old, new)
    return _most(causes)


def _figure_causes(metric: str, old: Measurement, new: Measurement) -> Sequence[Cause]:
    """Return how the parts that do not gate moved."""
    causes = []
    for part, number in new.metrics.get(metric, {}).items():
        before = old.metrics.get(metric, {}).get(part)
        if part in METRICS[metric].gating or before is None:
            continue
        if before.rounded() != number.rounded():
            causes.append(Cause("figure", part, before.value, number.value, number.unit))
    return causes


def _kernel_causes(metric: str, old: Measurement, new: Measurement) -> Sequence[Cause]:
    """Return the kernels that operators ran and those that they run now."""
    swapped = {
        (change.old.kernel, change.new.kernel)
        for change in align_ops(old.ops, new.ops)
        if change.old and change.new and change.old.kernel != change.new.kernel
    }
    return [Cause("kernel", "kernel", about=f"{a} -> {b}") for a, b in sorted(swapped)]


def _part_causes(metric: str, old: Measurement, new: Measurement) -> Sequence[Cause]:
    """Return the parts of ``metric`` that grew, the total left out."""
    causes = []
    for part, now in new.metrics.get(metric, {}).items():
        before = old.metrics.get(metric, {}).get(part)
        grew = _part_delta(old, new, metric, part) > 0
        if part != METRICS[metric].primary and grew and before:
            causes.append(Cause("part", part, before.value, now.value, now.unit))
    return _most(_largest_first(causes))


def _variable_causes(metric: str, old: Measurement, new: Measurement) -> Sequence[Cause]:
    """Return the variables outside the arena that grew or are new."""
    if all(_part_delta(old, new, metric, part) <= 0 for part in ("data", "bss")):
        return ()
    if old.variables or not new.variables:
        return _sizes_causes("variable", old.variables, new.variables)
    largest = sorted(new.variables.items(), key=lambda item: (-item[1], item[0]))
    names = ", ".join(f"{name} {number_text(size)}" for name, size in largest[:MOST_VARIABLES])
    what = f"the baseline names no variables; the largest here: {names} bytes"
    return [Cause("note", about=what)]


def _sizes_causes(
    kind: CauseKind, old: Mapping[str, int], new: Mapping[str, int]
) -> Sequence[Cause]:
    """Return the names whose size grew or that are new, then those that are gone.

    Nothing if none grew.
    """
    grown = [
        Cause(kind, readable(name), old.get(name), size)
        for name, size in new.items()
        if size > old.get(name, 0)
    ]
    gone = [
        Cause(kind, readable(name), size, None) for name, size in old.items() if name not in new
    ]
    if not grown:
        return ()
    largest_gone = sorted(gone, key=lambda cause: (cause.delta or 0, cause.name))
    return _most([*_largest_first(grown), *largest_gone])


def _placement(metric: str, old: Measurement, new: Measurement) -> list[Cause]:
    """Return the cause of an arena that grew beyond what is alive in it at once."""
    alive, arena = [], []
    for side in (old, new):
        alive.append(sum(tensor.size for tensor in side.arena_tensors))
        arena.append(int(side.metrics[metric]["arena"].value))
    before, after = (arena[side] - alive[side] for side in (0, 1))
    if after <= before or not (old.arena_tensors and new.arena_tensors):
        return []
    was = f"{number_text(arena[0])} for {number_text(alive[0])}"
    now = f"{number_text(arena[1])} for {number_text(alive[1])}"
    what = f"{was} -> {now} bytes alive at once"
    return [Cause("tensor", "placement", before, after, about=what)]


def _kernel_text(change: OpChange) -> str:
    if change.new is None:
        assert change.old is not None, "a change has at least one side"
        return f"{change.old.kernel} (gone)"
    if change.old is None:
        return f"{change.new.kernel} (new)"
    if change.old.kernel != change.new.kernel:
        return f"{change.new.kernel} (was {change.old.kernel})"
    return change.new.kernel


def _part_delta(old: Measurement, new: Measurement, metric: str, part: str) -> int | float:
    before = old.metrics.get(metric, {}).get(part)
    now = new.metrics.get(metric, {}).get(part)
    return now.value - before.value if before and now else 0


def _sizes(tensors: Iterable[ArenaTensor]) -> Mapping[str, int]:
    return {tensor.name: tensor.size for tensor in tensors}


def _largest_first(causes: Iterable[Cause]) -> list[Cause]:
    return sorted(causes, key=lambda cause: (-(cause.delta or 0), cause.name))


def _most(causes: Sequence[Cause]) -> Sequence[Cause]:
    """Return the first causes, and the sum of the others if there are several."""
    shown, rest = causes[:MOST_CAUSES], causes[MOST_CAUSES:]
    if len(rest) < 2:
        return causes
    total = sum(cause.delta or 0 for cause in rest)
    return [*shown, Cause(rest[0].kind, "", 0, total, count=len(rest))]


#: What finds each kind of cause in the numbers of two measurements: metric, baseline, current.
EXPLANATIONS: Final[
    Mapping[Explanation, Callable[[str, Measurement, Measurement], Sequence[Cause]]]
] = {
    "operators": _operator_causes,
    "symbols": _symbol_causes,
    "parts": _part_causes,
    "figures": _figure_causes,
    "kernels": _kernel_causes,
    "variables": _variable_causes,
    "arena": _arena_causes,
}
