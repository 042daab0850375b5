"""The study's claims over the figures that it published, with the verdict that each deserves."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from experiments.edgemark.evaluate import Result
from experiments.edgemark.evaluate import published_figures
from experiments.edgemark.finding import Figures
from experiments.edgemark.study import CLAIMS
from experiments.edgemark.study import Claim
from pytest_tinyquant.session.run import RUN


@pytest.fixture(scope="module")
def figures(pytestconfig: pytest.Config) -> dict[str, Figures]:
    """The study's figures by board."""
    return published_figures(pytestconfig.stash[RUN].settings.baselines_dir)


@pytest.mark.parametrize(
    ("claim", "on"),
    [
        pytest.param(claim, board, id=f"{claim.name}-{board}")
        for claim in CLAIMS
        for board in claim.published
    ],
)
def test_claim(
    claim: Claim, on: str, figures: dict[str, Figures], show_claim: Callable[[str, Result], None]
) -> None:
    finding = claim.relation(figures[on])
    show_claim("published", Result(claim, on, finding))
    assert finding.short == claim.published[on], f"{claim.text}: {finding.full}; {finding.figure}"
