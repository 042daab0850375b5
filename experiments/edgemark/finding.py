"""What becomes of a claim when it is held against figures."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from experiments.edgemark.cells import Cells
from pytest_tinyquant.errors import BaselineError


Verdict = Literal["holds", "partly", "fails"]


class ClaimError(BaselineError):
    """The figures that a claim is about are not there, so that nothing can be said."""


@dataclass(frozen=True)
class Figures:
    """What a claim about one board is held against.

    :param here: the board's cells, built as usual.
    :param builds: its cells built otherwise, by build.
    :param boards: the cells of all boards, built as usual.
    """

    board: str
    here: Cells
    builds: Mapping[str, Cells]
    boards: Mapping[str, Cells]

    def build(self, name: str) -> Cells:
        """Return the cells of another build."""
        return _named(self.builds, name, self.here.where)

    def other(self, board: str) -> Cells:
        """Return the cells of another board."""
        return _named(self.boards, board, self.here.where)


@dataclass(frozen=True)
class Finding:
    """A claim's outcome: in how many of all cases it holds, where it does not, and a figure.

    :param figure: the number behind it, with its unit.
    """

    held: int
    cases: int
    exceptions: tuple[str, ...]
    figure: str

    @property
    def verdict(self) -> Verdict:
        """Return whether it holds always, sometimes or never."""
        if self.held == self.cases:
            return "holds"
        return "partly" if self.held else "fails"

    @property
    def short(self) -> str:
        """Return the verdict with its numbers, such as ``partly 16/18``."""
        return f"{self.verdict} {self.held}/{self.cases}"

    @property
    def full(self) -> str:
        """Return it with all exceptions, such as ``partly 17/18, not fc_0``."""
        return ", not ".join([self.short, *filter(None, [" ".join(self.exceptions)])])


def judge(cases: Mapping[str, bool], figure: str, where: str) -> Finding:
    """Return the finding over all cases, by name.

    :raises ClaimError: there is no case: a claim about nothing would hold.
    """
    if not cases:
        raise ClaimError(f"{where}: none of the figures that the claim is about is there")
    exceptions = tuple(name for name, holds in cases.items() if not holds)
    return Finding(len(cases) - len(exceptions), len(cases), exceptions, figure)


def number(value: float | None, what: str, where: str) -> float:
    """Return a figure that a claim cannot do without.

    :raises ClaimError: it is not there.
    """
    if value is None:
        raise ClaimError(f"{where}: there is no {what}")
    return value


def span(values: Iterable[float], form: str = ".2f") -> str:
    """Return the smallest and the largest of some numbers, in words."""
    found = sorted(values)
    return f"{found[0]:{form}} to {found[-1]:{form}}" if found else "nothing"


def _named(found: Mapping[str, Cells], name: str, where: str) -> Cells:
    if name not in found:
        raise ClaimError(f"{where}: there are no figures of {name}")
    return found[name]
