"""The study's claims over this project's own baselines, and the relations that must hold there.

Whether a claim holds was accepted with ``python -m experiments.edgemark --write``; when it
changes, so that a reader of docs/claims.md would be told what is no longer so, its test fails.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from experiments.edgemark import builds
from experiments.edgemark import schemes
from experiments.edgemark.evaluate import Result
from experiments.edgemark.evaluate import estimated_key
from experiments.edgemark.evaluate import own_figures
from experiments.edgemark.evaluate import own_result
from experiments.edgemark.evaluate import own_results
from experiments.edgemark.evaluate import published_results
from experiments.edgemark.evaluate import recorded
from experiments.edgemark.finding import Figures
from experiments.edgemark.page import page
from experiments.edgemark.study import ALL
from experiments.edgemark.study import CLAIMS
from experiments.edgemark.study import FIRMWARE
from experiments.edgemark.study import HOST
from experiments.edgemark.study import RX
from experiments.edgemark.study import STM
from experiments.edgemark.study import Claim
from pytest_tinyquant.project.project import Project
from pytest_tinyquant.session.run import RUN


#: Relations between schemes and boards, the boards they bind, and the only exceptions.
RELATIONS = {
    "16x8-error-at-most-int8": (
        *(schemes.error_16x8_below_int8, ALL),
        # 0.00816 against 0.00758 of range; its largest error is smaller, 0.0259 against 0.0318.
        ("fc_2-16x8", "fc_2-16x8-only"),
    ),
    "int8-only-flash-below-int8": (schemes.only_takes_less_flash, FIRMWARE, ()),
    "4-and-1-bytes-of-flash-per-parameter": (schemes.flash_slopes, FIRMWARE, ()),
    "integer-outputs-equal-the-nucleos": (builds.same_results_as(STM), (HOST, RX), ()),
}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Take the selected boards, all of them if none is selected."""
    wanted = metafunc.config.stash[RUN].settings.boards
    cases: list[tuple[Claim | str, str, str]]
    if "claim" in metafunc.fixturenames:
        cases = [(claim, board, claim.name) for claim in CLAIMS for board in claim.own]
        names = ("claim", "on")
    elif "relation" in metafunc.fixturenames:
        cases = [(name, board, name) for name, row in RELATIONS.items() for board in row[1]]
        names = ("relation", "on")
    else:
        return
    metafunc.parametrize(
        names,
        [
            pytest.param(what, board, id=f"{name}-{board}")
            for what, board, name in cases
            if not wanted or board in wanted
        ],
    )


@pytest.fixture(scope="module")
def project(pytestconfig: pytest.Config) -> Project:
    run = pytestconfig.stash[RUN]
    if run.settings.update != "none":
        pytest.skip("this run changes the baselines that claims are about")
    return run.project


@pytest.fixture(scope="module")
def figures(project: Project) -> dict[str, Figures]:
    """The figures in this project's baselines by board."""
    return own_figures(project, ALL)


def test_claim(
    claim: Claim,
    on: str,
    project: Project,
    figures: dict[str, Figures],
    show_claim: Callable[[str, Result], None],
) -> None:
    result = own_result(claim, on, figures[on])
    show_claim("own", result)
    found = {on: result.finding.full}
    if result.estimated is not None:
        found[estimated_key(on)] = result.estimated.full
    accepted = recorded().get(claim.name, {})
    for key, full in found.items():
        assert full == accepted.get(key, "nothing"), (
            f"{claim.text}: {result.finding.figure}; if that is as it should be, accept it with "
            "python -m experiments.edgemark --write"
        )


def test_relation(relation: str, on: str, figures: dict[str, Figures]) -> None:
    judge, _, exceptions = RELATIONS[relation]
    finding = judge(figures[on])
    assert finding.exceptions == exceptions, f"{relation} on {on}: {finding.full}; {finding.figure}"


def test_docs_tell_the_claims_as_they_are(project: Project) -> None:
    told = (project.root / "docs" / "claims.md").read_text("utf-8")
    found = page(published_results(project.baselines_dir), own_results(project))
    assert told == found, "docs/claims.md is old; run python -m experiments.edgemark --write"
