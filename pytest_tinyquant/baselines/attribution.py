"""Where a change comes from: the operators, symbols and tensors that grew."""

from __future__ import annotations

import difflib
from collections import defaultdict
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pytest_tinyquant.measure.measurement import ArenaTensor
from pytest_tinyquant.measure.measurement import Measurement
from pytest_tinyquant.measure.measurement import OpCount
from pytest_tinyquant.metrics.registry import METRICS
from pytest_tinyquant.metrics.spec import Explanation
from pytest_tinyquant.metrics.text import delta_text
from pytest_tinyquant.metrics.text import number_text
from pytest_tinyquant.metrics.text import shape_text


#: Causes listed in full; the rest is summed up in one line.
MOST_CAUSES: Final = 6

#: Variables listed where the baseline has none to compare with.
MOST_VARIABLES: Final = 3


@dataclass(frozen=True)
class OpChange:
    """One operator on both sides; ``old`` is None where it is new, ``new`` where it is gone."""

    old: OpCount | None
    new: OpCount | None

    @property
    def delta(self) -> int:
        """Return by how much the operator's count changed."""
        return (self.new.count if self.new else 0) - (self.old.count if self.old else 0)


def align_ops(old: Sequence[OpCount], new: Sequence[OpCount]) -> list[OpChange]:
    """Pair the operators of two runs although some were added, removed or moved.

    Labels end in the operator's index, which shifts behind an insertion, so operators are
    matched by kind and output shape in order of execution; what is left over pairs with its like
    elsewhere, first of the same shape, then of the same kind.
    """
    if [_kind(op) for op in old] == [_kind(op) for op in new]:
        return [OpChange(a, b) for a, b in zip(old, new, strict=True)]
    matcher = difflib.SequenceMatcher(
        a=[_kind_and_shape(op) for op in old], b=[_kind_and_shape(op) for op in new], autojunk=False
    )
    pairs: dict[int, int] = {}
    for block in matcher.get_matching_blocks():
        pairs.update((block.b + i, block.a + i) for i in range(block.size))
    for key in (_kind_and_shape, _kind):
        taken = set(pairs.values())
        free = defaultdict(list)
        for index, op in enumerate(old):
            if index not in taken:
                free[key(op)].append(index)
        for index, op in enumerate(new):
            if index not in pairs and free[key(op)]:
                pairs[index] = free[key(op)].pop(0)
    gone = set(range(len(old))) - set(pairs.values())
    return [
        OpChange(old[pairs[index]] if index in pairs else None, op) for index, op in enumerate(new)
    ] + [OpChange(old[index], None) for index in sorted(gone)]


def explain(metric: str, old: Measurement, new: Measurement) -> tuple[str, ...]:
    """Return where a regression of ``metric`` comes from, as far as the recorded numbers tell."""
    return tuple(
        line
        for kind in METRICS[metric].explained_by
        if kind in EXPLANATIONS
        for line in EXPLANATIONS[kind](metric, old, new)
    )


def _operator_causes(metric: str, old: Measurement, new: Measurement) -> tuple[str, ...]:
    """Return a line for each operator whose count grew, largest growth first."""
    changes = align_ops(old.ops, new.ops)
    grown = sorted((c for c in changes if c.delta > 0), key=lambda c: -c.delta)
    rows: list[tuple[str, float, str]] = [
        (_op_name(change), change.delta, _op_kernel(change)) for change in grown
    ]
    rows += [
        (_op_name(change), change.delta, f"{change.old.kernel} (gone)")
        for change in changes
        if change.new is None and change.old is not None
    ]
    walk = _part_delta(old, new, metric, "walk")
    if walk > 0:
        rows.append(("between the operators", walk, "tq_invoke"))
    if not rows and not (old.ops and new.ops):
        return ("no counts per operator to tell the layer",)
    return _table(rows)


def _symbol_causes(metric: str, old: Measurement, new: Measurement) -> tuple[str, ...]:
    """Return a line for each symbol that grew or is new, largest growth first.

    Where no symbol explains the growth, the parts of the image that grew are named instead.
    """
    return _symbol_table(old.symbols, new.symbols) or _part_causes(metric, old, new)


def _arena_causes(metric: str, old: Measurement, new: Measurement) -> tuple[str, ...]:
    """Return a line for each tensor that moved the arena's peak."""
    growth = _part_delta(old, new, metric, "arena")
    if growth <= 0:
        return ()
    before = _sizes(old.arena_tensors)
    rows = []
    for name, size in _sizes(new.arena_tensors).items():
        delta = size - before.get(name, 0)
        if delta > 0:
            what = "new at the arena's peak" if name not in before else "grown at the arena's peak"
            rows.append((name, delta, what))
    rows.sort(key=lambda row: (-row[1], row[0]))
    if sum(row[1] for row in rows) < growth:
        rows += _placement(metric, old, new)
    return _table(rows)


def _figure_causes(metric: str, old: Measurement, new: Measurement) -> tuple[str, ...]:
    """Return how the parts that do not gate moved."""
    lines = []
    for part, number in new.metrics.get(metric, {}).items():
        before = old.metrics.get(metric, {}).get(part)
        if part in METRICS[metric].gating or before is None:
            continue
        if before.rounded() != number.rounded():
            lines.append(
                f"{part} {number_text(before.value)} -> {number_text(number.value)} {number.unit}"
            )
    return tuple(lines)


def _kernel_causes(metric: str, old: Measurement, new: Measurement) -> tuple[str, ...]:
    """Return the kernels that operators ran and those that they run now."""
    swapped = {
        (change.old.kernel, change.new.kernel)
        for change in align_ops(old.ops, new.ops)
        if change.old and change.new and change.old.kernel != change.new.kernel
    }
    return tuple(f"kernel {before} -> {after}" for before, after in sorted(swapped))


def _part_causes(metric: str, old: Measurement, new: Measurement) -> tuple[str, ...]:
    """Return a line for each part of ``metric`` that grew, the total left out."""
    rows = []
    for part, now in new.metrics.get(metric, {}).items():
        before = old.metrics.get(metric, {}).get(part)
        delta = _part_delta(old, new, metric, part)
        if part != METRICS[metric].primary and delta > 0 and before:
            was = f"{number_text(before.value)} -> {number_text(now.value)} {now.unit}"
            rows.append((part, delta, was))
    return _table(sorted(rows, key=lambda row: (-row[1], row[0])))


def _variable_causes(metric: str, old: Measurement, new: Measurement) -> tuple[str, ...]:
    """Return a line for each variable outside the arena that grew or is new."""
    if all(_part_delta(old, new, metric, part) <= 0 for part in ("data", "bss")):
        return ()
    if old.variables or not new.variables:
        return _symbol_table(old.variables, new.variables)
    largest = sorted(new.variables.items(), key=lambda item: (-item[1], item[0]))
    names = ", ".join(f"{name} {number_text(size)}" for name, size in largest[:MOST_VARIABLES])
    return (f"the baseline names no variables; the largest here: {names} bytes",)


def _symbol_table(old: Mapping[str, int], new: Mapping[str, int]) -> tuple[str, ...]:
    """Return a line for each symbol that grew or is new, then those that are gone.

    Nothing if none grew.
    """
    rows = []
    for name, size in new.items():
        before = old.get(name)
        delta = size - (before or 0)
        if delta > 0:
            was = "new" if before is None else f"{number_text(before)} -> {number_text(size)}"
            rows.append((name, delta, was))
    rows.sort(key=lambda row: (-row[1], row[0]))
    gone = [(name, -size, "gone") for name, size in old.items() if name not in new]
    return _table(rows + sorted(gone, key=lambda row: (row[1], row[0])) if rows else [])


def _placement(metric: str, old: Measurement, new: Measurement) -> list[tuple[str, int, str]]:
    """Return a row for an arena that grew beyond what is alive in it at once."""
    alive, arena = [], []
    for side in (old, new):
        alive.append(sum(tensor.size for tensor in side.arena_tensors))
        arena.append(int(side.metrics[metric]["arena"].value))
    delta = (arena[1] - alive[1]) - (arena[0] - alive[0])
    if delta <= 0 or not (old.arena_tensors and new.arena_tensors):
        return []
    was = f"{number_text(arena[0])} for {number_text(alive[0])}"
    now = f"{number_text(arena[1])} for {number_text(alive[1])}"
    return [("placement", delta, f"{was} -> {now} bytes alive at once")]


def _kind(op: OpCount) -> str:
    return op.label.partition("[")[0]


def _kind_and_shape(op: OpCount) -> tuple[str, tuple[int, ...]]:
    return (_kind(op), op.output_shape)


def _op_name(change: OpChange) -> str:
    op = change.new or change.old
    assert op is not None
    return f"{op.label} {shape_text(op.output_shape)}".rstrip()


def _op_kernel(change: OpChange) -> str:
    assert change.new is not None
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


def _table(rows: Sequence[tuple[str, float, str]]) -> tuple[str, ...]:
    shown, rest = rows[:MOST_CAUSES], rows[MOST_CAUSES:]
    if len(rest) == 1:
        shown, rest = rows, ()
    if not shown:
        return ()
    names = max(len(name) for name, _, _ in shown)
    deltas = max(len(delta_text(delta)) for _, delta, _ in shown)
    lines = [
        f"{name:<{names}}  {delta_text(delta):>{deltas}}   {what}" for name, delta, what in shown
    ]
    if rest:
        lines.append(f"and {len(rest)} more, {delta_text(sum(row[1] for row in rest))} together")
    return tuple(lines)


#: What finds each kind of cause in the numbers of two measurements: metric, baseline, current.
EXPLANATIONS: Final[Mapping[Explanation, Callable[..., tuple[str, ...]]]] = {
    "operators": _operator_causes,
    "symbols": _symbol_causes,
    "parts": _part_causes,
    "figures": _figure_causes,
    "kernels": _kernel_causes,
    "variables": _variable_causes,
    "arena": _arena_causes,
}
