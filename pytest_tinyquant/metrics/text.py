"""Numbers, differences and shapes in words, alike in every report."""

from __future__ import annotations

from typing import Final


#: From here on, six digits are not all that stand before the point.
_SIX_DIGITS: Final = 1e6

#: From here on, a float does not hold every integer.
_EXACT: Final = 2.0**53


def number_text(value: float) -> str:
    """Return a number with thousands separators: integers whole, others by six digits or more.

    No digit before the point is rounded away, and none is written as a power of ten.
    """
    return f"{value:,}" if isinstance(value, int) else _grouped(value)


def quantity_text(value: float, unit: str) -> str:
    """Return a number with its unit; the unit 1, that of an accuracy, is none to be read."""
    return number_text(value) if unit in ("", "1") else f"{number_text(value)} {unit}"


def delta_text(delta: float) -> str:
    """Return a signed difference, as :func:`number_text` writes numbers."""
    return f"{delta:+,}" if isinstance(delta, int) else _grouped(delta, "+")


def _grouped(value: float, sign: str = "") -> str:
    kind = ".0f" if _SIX_DIGITS <= abs(value) < _EXACT else ".6g"
    return f"{value:{sign},{kind}}"


def share_text(share: float) -> str:
    """Return a relative change as ``+1.46 %``.

    One that two digits would round away is given one significant digit: it must not read as none.
    """
    percent = share * 100
    return f"{percent:+.1g} %" if 0 < abs(percent) < 0.005 else f"{percent:+.2f} %"


def growth_text(before: float, after: float) -> str:
    """Return a difference and what share of ``before`` that is: ``+24,000 +2.40 %``."""
    delta = after - before
    share = f" {share_text(delta / abs(before))}" if before else ""
    return delta_text(delta) + share


def shape_text(shape: tuple[int, ...]) -> str:
    """Return a shape as ``16x16x32``; a leading batch dimension of 1 is left out."""
    inner = shape[1:] if len(shape) > 1 and shape[0] == 1 else shape
    return "x".join(map(str, inner))
