"""What is said of pruned and clustered weights on an Ethos-U, over `figures.json`."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from experiments.ethos_u.page import Figures


#: How far from each other cycles lie that weights do not decide.
SAME: Final = 0.005

#: From most bits of the weights to fewest.
ORDER: Final = ("int8", "pruned", "clustered", "both")

Network = Mapping[str, Figures]
"""The figures of one network by what was done to its weights."""


@dataclass(frozen=True)
class Claim:
    """Something said of the figures of one network.

    :param check: returns pairs of which the first must be the smaller, by what they are.
    """

    name: str
    says: str
    check: Callable[[Network], Mapping[str, tuple[float, float]]]

    def failures(self, found: Network) -> dict[str, tuple[float, float]]:
        """Return what speaks against the claim."""
        return {what: pair for what, pair in self.check(found).items() if pair[0] >= pair[1]}


def _falls(column: str) -> Callable[[Network], dict[str, tuple[float, float]]]:
    def check(found: Network) -> dict[str, tuple[float, float]]:
        return {
            f"{column} {less}, {more}": (found[less][column], found[more][column])
            for more, less in itertools.pairwise(ORDER)
        }

    return check


def _unmoved(found: Network) -> dict[str, tuple[float, float]]:
    column = "cycles Sram_Only"
    plain = found["int8"][column]
    return {
        f"{column} {name}, relative change": (abs(found[name][column] / plain - 1), SAME)
        for name in ORDER[1:]
    }


CLAIMS: Final = (
    Claim("file-compresses", "Zeros and few values make the file compress better.",
          _falls("gzip")),
    Claim("weights-encode-smaller", "Vela encodes them in fewer bytes, in this order.",
          _falls("encoded")),
    Claim("cycles-fall-slow-flash", "Where weights come from slow flash, cycles fall with them.",
          _falls("cycles Deep-Embedded")),
    Claim("cycles-fall-fast-flash", "Where flash is faster, cycles fall too.",
          _falls("cycles High-End")),
    Claim("sram-only-does-not", "Where all lies in SRAM, nothing becomes faster.", _unmoved),
)  # fmt: skip
