"""Holds every claim against what was published and against a project's own baselines."""

from __future__ import annotations

import json
from collections.abc import Iterable
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Final

from experiments.edgemark.cells import Cells
from experiments.edgemark.cells import read_own_cells
from experiments.edgemark.cells import read_published_cells
from experiments.edgemark.estimated import EstimatedFinding
from experiments.edgemark.estimated import estimated_finding
from experiments.edgemark.estimated import is_about_time
from experiments.edgemark.finding import ClaimError
from experiments.edgemark.finding import Figures
from experiments.edgemark.finding import Finding
from experiments.edgemark.schemes import MODELS
from experiments.edgemark.study import CLAIMS
from experiments.edgemark.study import RX
from experiments.edgemark.study import STM
from experiments.edgemark.study import Claim
from pytest_tinyquant.errors import UnsupportedModelError
from pytest_tinyquant.errors import VacuousSchemeError
from pytest_tinyquant.schemes.scheme import SCHEMES


if TYPE_CHECKING:
    from pytest_tinyquant.project.board_types import Board
    from pytest_tinyquant.project.project import Project

PUBLISHED_FILE: Final = "published/edgemark-2024.csv"
#: What was accepted.
FINDINGS_FILE: Final = Path(__file__).with_name("claims.json")
USUAL_BUILDS: Final = {STM: "O3", RX: "gcc"}


@dataclass(frozen=True)
class Result:
    """A claim and what it came to on one board.

    :param estimated: what it comes to by estimated cycles, where it is about time and the board's
        baselines hold estimates.
    """

    claim: Claim
    board: str
    finding: Finding
    estimated: EstimatedFinding | None = None


def published_figures(baselines: Path) -> dict[str, Figures]:
    """Return the study's figures by board."""
    cells = read_published_cells(baselines / PUBLISHED_FILE)
    usual = {board: cells[board, build] for board, build in USUAL_BUILDS.items()}
    return {
        board: Figures(
            board=board,
            here=here,
            builds={build: found for (name, build), found in cells.items() if name == board},
            boards=usual,
        )
        for board, here in usual.items()
    }


def own_figures(project: Project, boards: Iterable[str]) -> dict[str, Figures]:
    """Return the figures in a project's baselines of these boards.

    :raises BaselineError: if there are none of one of them.
    """
    published = read_published_cells(project.baselines_dir / PUBLISHED_FILE)
    parameters = published[STM, USUAL_BUILDS[STM]].parameters
    cells = {name: _own_cells(project, project.boards[name], parameters) for name in boards}
    return {name: Figures(name, here, {}, cells) for name, here in cells.items()}


def published_results(baselines: Path) -> list[Result]:
    """Return every claim's findings over the study's figures."""
    figures = published_figures(baselines)
    return [
        Result(claim, board, claim.relation(figures[board]))
        for claim in CLAIMS
        for board in claim.published
    ]


def own_results(project: Project) -> list[Result]:
    """Return every claim's findings over the project's own baselines."""
    figures = own_figures(project, {board: None for claim in CLAIMS for board in claim.own})
    return [own_result(claim, board, figures[board]) for claim in CLAIMS for board in claim.own]


def own_result(claim: Claim, board: str, figures: Figures) -> Result:
    """Return a claim's findings over the project's own baselines of one board."""
    estimated = estimated_finding(claim, figures) if is_about_time(claim, board) else None
    return Result(claim, board, claim.relation(figures), estimated)


def estimated_key(board: str) -> str:
    """Return what ``claims.json`` calls the findings by a board's estimates."""
    return f"{board} estimated"


def dump(results: Iterable[Result]) -> str:
    """Return findings as ``claims.json`` keeps them: by claim and board."""
    document: dict[str, dict[str, str]] = {}
    for result in results:
        found = document.setdefault(result.claim.name, {})
        found[result.board] = result.finding.full
        if result.estimated is not None:
            found[estimated_key(result.board)] = result.estimated.full
    return json.dumps(document, indent=1, sort_keys=True) + "\n"


def recorded(file: Path = FINDINGS_FILE) -> Mapping[str, Mapping[str, str]]:
    """Return the findings that were accepted, by claim and board.

    :raises ClaimError: if there are none.
    """
    try:
        found: dict[str, dict[str, str]] = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ClaimError(
            f"{file}: cannot be read ({error}); write it with python -m experiments.edgemark"
            " --write"
        ) from error
    return found


def _own_cells(project: Project, board: Board, parameters: Mapping[str, int]) -> Cells:
    refused = {
        model: frozenset(scheme for scheme in SCHEMES if _is_refused(project, model, scheme, board))
        for model in MODELS
    }
    # Where the board runs today says nothing about where its baselines come from.
    target = "host" if board.kind == "host" else "emulator"
    return read_own_cells(project.baselines_dir / board.name / target, parameters, refused)


def _is_refused(project: Project, model: str, scheme: str, board: Board) -> bool:
    """Tell whether a strict expected failure says that a combination is refused."""
    return any(
        all(issubclass(e, (UnsupportedModelError, VacuousSchemeError)) for e in issue.raises)
        and issue.covers(model=model, scheme=scheme, board=board.name, runtime=board.runtime)
        for issue in project.known_issues
    )
