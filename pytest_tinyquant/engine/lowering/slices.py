"""The arithmetic of STRIDED_SLICE."""

from __future__ import annotations

from pytest_tinyquant.errors import ModelError


def slice_ranges(
    shape: tuple[int, ...],
    *,
    begin: list[int],
    end: list[int],
    strides: list[int],
    begin_mask: int,
    end_mask: int,
    shrink_axis_mask: int,
) -> list[range]:
    """Return the indices taken along each axis of `shape`, which may run backwards.

    Axes beyond the lists are taken whole. A bit of `begin_mask` or `end_mask` ignores that
    bound; a bit of `shrink_axis_mask` takes one index only.
    """
    if not len(begin) == len(end) == len(strides) or len(begin) > len(shape):
        raise ModelError(f"it slices {len(begin)} of {len(shape)} axes")
    ranges = []
    for axis, size in enumerate(shape):
        if axis >= len(begin):
            ranges.append(range(size))
            continue
        step = strides[axis]
        if step == 0:
            raise ModelError("it has a stride of 0")
        first = None if begin_mask >> axis & 1 else begin[axis]
        last = None if end_mask >> axis & 1 else end[axis]
        if shrink_axis_mask >> axis & 1:
            index = begin[axis] + size if begin[axis] < 0 else begin[axis]
            if not 0 <= index < size:
                raise ModelError(f"it takes index {begin[axis]} of {size}")
            ranges.append(range(index, index + 1))
        else:
            ranges.append(range(*slice(first, last, step).indices(size)))
    return ranges
