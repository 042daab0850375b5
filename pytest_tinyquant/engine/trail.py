"""How far a kernel's writes trail its reads, so that its output may lie over its input."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Trail:
    """The order in which a kernel reads one input and writes one output, in steps.

    While step ``k`` runs, no byte of the output from ``written[k]`` on has been written yet, and no
    byte of the input before ``needed[k]`` is read any more. Both are tuples of the same length.
    """

    written: tuple[int, ...]
    needed: tuple[int, ...]

    @property
    def lag(self) -> int:
        """Return how many bytes before the input the output may begin at the latest.

        A negative number is how many bytes behind the input's beginning it may begin.
        """
        return max((w - n for w, n in zip(self.written, self.needed, strict=True)), default=0)


def window_trail(
    window: Mapping[str, int], element: int, *, pixels: int = 1, gathers: bool = False
) -> Trail:
    """Return the order of a kernel that goes through its output pixel by pixel, row by row.

    :param window: the fields of ``tq_window``.
    :param element: bytes of an element of the input and of the output.
    :param pixels: of the output, that the kernel works on at a time.
    :param gathers: whether it has read all that these pixels need before it writes one of them, or
        makes every channel of a pixel out of that channel alone, which comes to the same: what is
        still to be read for it lies as far behind.
    """
    first = _first_bytes(window) * window["input_channels"] * element
    pixel = window["output_channels"] * element
    # What no later pixel needs any more.
    needed = np.minimum.accumulate(first[::-1])[::-1]
    starts = np.arange(0, len(first), pixels)
    ends = np.minimum(starts + pixels, len(first))
    if gathers:
        # Behind the last pixels nothing is read.
        written, still = ends[:-1], needed[starts[1:]]
    else:
        written, still = ends, needed[starts]
    return Trail(tuple((written * pixel).tolist()), tuple(still.tolist()))


def rows_trail(window: Mapping[str, int], element: int) -> Trail:
    """Return the order of a kernel that copies the input rows under a row of output, then makes it.

    :param window: the fields of ``tq_window``, without dilation.
    :param element: bytes of an element of the input and of the output.
    """
    row = window["output_width"] * window["output_channels"] * element
    line = window["input_width"] * window["input_channels"] * element
    height, outputs = window["input_height"], window["output_height"]
    under = np.arange(outputs, dtype=np.int64) * window["stride_height"] - window["pad_top"]
    # Rows that no window covers are passed over when a later one is copied, and not before.
    copied = np.clip(under + window["filter_height"], 0, height)
    batches = np.arange(window["batches"], dtype=np.int64)
    needed = (batches[:, None] * height + copied[None, :]).reshape(-1) * line
    written = np.arange(1, len(needed) + 1, dtype=np.int64) * row
    return Trail(tuple(written.tolist()), tuple(needed.tolist()))


def _first_bytes(window: Mapping[str, int]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Return, for every output pixel, the first input pixel under its window."""

    def origins(axis: str, pad: str) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        steps = np.arange(window[f"output_{axis}"], dtype=np.int64) * window[f"stride_{axis}"]
        return np.maximum(steps - window[pad], 0)

    rows = origins("height", "pad_top") * window["input_width"]
    image = (rows[:, None] + origins("width", "pad_left")[None, :]).reshape(-1)
    batches = np.arange(window["batches"], dtype=np.int64)
    size = window["input_height"] * window["input_width"]
    return (batches[:, None] * size + image[None, :]).reshape(-1)
