"""The claims and their findings as a page of documentation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from experiments.edgemark.evaluate import Result
from experiments.edgemark.study import CLAIMS
from experiments.edgemark.study import Claim


EXCEPTIONS_SHOWN: Final = 4

_HEAD: Final = """\
# The study's claims

Written by `python -m experiments.edgemark --write`; a test fails when it is out of date.

Each claim of the EdgeMark study is a relation between figures, held against the figures that the
study published (`baselines/published/`) and against this project's own baselines, board by board.
"holds 18/18" means in 18 of 18 cases, "partly" in some, "fails" in none. Where the study says
"similar" or "slightly", the claim states the limit it was given here.

Read the own findings with care: they are about this project's engine on emulators, so time is
executed instructions, which are not cycles, and RAM and flash are without the vendor's base
program. That a claim about time fails here does not mean that it fails on silicon.
"""


def page(published: Sequence[Result], own: Sequence[Result]) -> str:
    """Return the page over all findings."""
    lines = [_HEAD]
    for claim in CLAIMS:
        lines += [f"## {claim.name}", "", f"Claim: {claim.text}.", ""]
        lines += ["| figures | board | finding | number | not for |", "|---|---|---|---|---|"]
        lines += [_row("published", result) for result in published if result.claim is claim]
        lines += [_row("own", result) for result in own if result.claim is claim]
        lines += _not_tried(claim)
        lines.append("")
    return "\n".join(lines)


def _row(source: str, result: Result) -> str:
    finding = result.finding
    shown = ", ".join(finding.exceptions[:EXCEPTIONS_SHOWN])
    if len(finding.exceptions) > EXCEPTIONS_SHOWN:
        shown += f" and {len(finding.exceptions) - EXCEPTIONS_SHOWN} more"
    return f"| {source} | {result.board} | {finding.short} | {finding.figure} | {shown} |"


def _not_tried(claim: Claim) -> list[str]:
    return ["", f"Not tried on own baselines: {claim.not_own}."] if claim.not_own else []
