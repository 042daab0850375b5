"""The claims and their findings as a page of documentation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from experiments.edgemark.evaluate import Result
from experiments.edgemark.finding import Finding
from experiments.edgemark.study import CLAIMS
from experiments.edgemark.study import Claim
from pytest_tinyquant.measure.estimated_cycles import HIGHEST
from pytest_tinyquant.measure.estimated_cycles import LOWEST


EXCEPTIONS_SHOWN: Final = 4

_HEAD: Final = """\
# The study's claims

Written by `python -m experiments.edgemark --write`; a test fails when it is out of date.

Each claim of the EdgeMark study is a relation between figures, held against the figures that the
study published (`baselines/published/`) and against this project's own baselines, board by board.
"holds 18/18" means in 18 of 18 cases, "partly" in some, "fails" in none. Where the study says
"similar" or "slightly", the claim states the limit it was given here.

Read the own findings with care: they are about this project's engine on emulators. Time is executed
instructions, which are not cycles, and RAM and flash are without the vendor's base program. That a
claim about time fails here does not mean that it fails on silicon.

Claims about time have a row "estimated" as well: the same claim over estimated cycles
([cycle-model.md](cycle-model.md)). Each estimate has a range, {lowest:+.0f} % to {highest:+.0f} %.
"open" are the cases that could come out otherwise if the estimates of one scheme were at one end
of their range and those of another scheme at the other end.
"""


def page(published: Sequence[Result], own: Sequence[Result]) -> str:
    """Return the page over all findings."""
    lines = [_HEAD.format(lowest=100 * LOWEST - 100, highest=100 * HIGHEST - 100)]
    for claim in CLAIMS:
        lines += [f"## {claim.name}", "", f"Claim: {claim.text}.", ""]
        lines += ["| figures | board | finding | number | not for |", "|---|---|---|---|---|"]
        lines += [_row("published", result) for result in published if result.claim is claim]
        for result in own:
            if result.claim is claim:
                lines.append(_row("own", result))
                lines += _estimated_row(result)
        lines += _not_tried(claim)
        lines.append("")
    return "\n".join(lines)


def _row(source: str, result: Result) -> str:
    return _cells(source, result.board, result.finding.short, result.finding)


def _estimated_row(result: Result) -> list[str]:
    found = result.estimated
    if found is None:
        return []
    short = f"{found.finding.short}, {len(found.open_cases)} open"
    return [_cells("estimated", result.board, short, found.finding)]


def _cells(source: str, board: str, short: str, finding: Finding) -> str:
    shown = ", ".join(finding.exceptions[:EXCEPTIONS_SHOWN])
    if len(finding.exceptions) > EXCEPTIONS_SHOWN:
        shown += f" and {len(finding.exceptions) - EXCEPTIONS_SHOWN} more"
    return f"| {source} | {board} | {short} | {finding.figure} | {shown} |"


def _not_tried(claim: Claim) -> list[str]:
    return ["", f"Not tried on own baselines: {claim.not_own}."] if claim.not_own else []
