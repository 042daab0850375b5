"""The claims about time, held against estimated cycles, and what the range leaves open."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from experiments.edgemark.cells import Cells
from experiments.edgemark.finding import ClaimError
from experiments.edgemark.finding import Figures
from experiments.edgemark.finding import Finding
from experiments.edgemark.study import STM
from experiments.edgemark.study import Claim
from pytest_tinyquant.measure.estimated_cycles import HIGHEST
from pytest_tinyquant.measure.estimated_cycles import LOWEST


#: Boards whose baselines hold estimated cycles.
ESTIMATED_BOARDS: Final = (STM,)
_ABOUT_TIME: Final = ("C07", "C08", "C09", "C10")


@dataclass(frozen=True)
class EstimatedFinding:
    """What a claim about time comes to when cycles are estimated.

    :param finding: by the estimates themselves.
    :param open_cases: cases that a board could decide otherwise, as far as the range of the
        estimates goes.
    """

    finding: Finding
    open_cases: tuple[str, ...]

    @property
    def full(self) -> str:
        """Return the finding as ``claims.json`` keeps it."""
        left = f"; open {len(self.open_cases)}: {' '.join(self.open_cases)}"
        return self.finding.full + (left if self.open_cases else "")


def is_about_time(claim: Claim, board: str) -> bool:
    """Tell whether `claim` compares latencies of `board`, which has estimates."""
    return claim.name.partition("-")[0] in _ABOUT_TIME and board in ESTIMATED_BOARDS


def estimated_finding(claim: Claim, figures: Figures) -> EstimatedFinding:
    """Hold a claim about time against the estimated cycles of one board.

    How far an estimate is off depends on the kernels, and so on the scheme. So the claim is tried
    with the estimates of every scheme at either end of their range, in all ways: a case is open
    where these do not agree.

    :raises ClaimError: a baseline holds no estimate.
    """
    middle = claim.relation(_with_latency(figures, {}))
    schemes = sorted({scheme for _, scheme in figures.here.cells})
    unlike: set[str] = set()
    for ends in itertools.product((LOWEST, HIGHEST), repeat=len(schemes)):
        found = claim.relation(_with_latency(figures, dict(zip(schemes, ends, strict=True))))
        unlike |= set(found.exceptions) ^ set(middle.exceptions)
    return EstimatedFinding(middle, tuple(sorted(unlike, key=_by_number)))


def _with_latency(figures: Figures, factors: Mapping[str, float]) -> Figures:
    """Return the figures with estimated cycles times a factor by scheme as their latency."""
    here = figures.here
    cells = {}
    for (model, scheme), cell in here.cells.items():
        if cell.estimated is None:
            raise ClaimError(f"{here.where}: {model}-{scheme} has no estimated cycles")
        latency = cell.estimated * factors.get(scheme, 1.0)
        cells[model, scheme] = dataclasses.replace(cell, latency=latency)
    changed: Cells = dataclasses.replace(here, latency_unit="cycles", cells=cells)
    return dataclasses.replace(figures, here=changed)


def _by_number(name: str) -> tuple[int, str]:
    """Order fc_2 before fc_10."""
    model = name.partition("-")[0]
    digits = model.rpartition("_")[2]
    return int(digits) if digits.isdigit() else 0, name
