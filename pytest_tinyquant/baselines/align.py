"""Pairs the operators of two runs, although the model may have changed between them."""

from __future__ import annotations

import difflib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from pytest_tinyquant.measure.measurement import OpCount
from pytest_tinyquant.metrics.text import shape_text


@dataclass(frozen=True)
class OpChange:
    """One operator on both sides; ``old`` is None where it is new, ``new`` where it is gone."""

    old: OpCount | None
    new: OpCount | None

    @property
    def delta(self) -> int:
        """Return by how much the operator's count changed."""
        return (self.new.count if self.new else 0) - (self.old.count if self.old else 0)

    @property
    def name(self) -> str:
        """Return label and output shape, such as ``conv2d[3] 16x16x32``."""
        op = self.new or self.old
        assert op is not None, "a change has at least one side"
        return f"{op.label} {shape_text(op.output_shape)}".rstrip()


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


def _kind(op: OpCount) -> str:
    return op.label.partition("[")[0]


def _kind_and_shape(op: OpCount) -> tuple[str, tuple[int, ...]]:
    return (_kind(op), op.output_shape)
