"""How far behind their end the kernels of this set read their inputs."""

from __future__ import annotations

from pytest_tinyquant.engine.lowering.context import Lowering
from pytest_tinyquant.models.graph import Tensor


def reach(lowering: Lowering, source: Tensor, *, rows_are_words: bool) -> dict[int, int] | None:
    """Return :attr:`KernelCall.reach` for inputs that are read as words.

    :param rows_are_words: whether what is read at once is always a number of whole words.
    :returns: None if what lies behind may be no memory: behind a constant may be the flash's end.
    """
    if rows_are_words:
        return {}
    if not lowering.reads(source):
        return None
    return {source.index: source.bytes + 3}
