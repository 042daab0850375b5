"""The order in which people sort names with numbers in them."""

from __future__ import annotations

import re


def natural_order(name: str) -> list[tuple[str, int]]:
    """Return a sort key that puts ``fc_10`` after ``fc_9``."""
    return [(text, int(number or 0)) for text, number in re.findall(r"(\D*)(\d*)", name)]
