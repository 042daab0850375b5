"""One combination of model, scheme and board, and what it becomes stage by stage.

Each stage takes a case as far as it has come and returns it with what that stage found, as a new
value: a :class:`Case` is :class:`Converted`, :class:`Checked`, then built
(:class:`pytest_tinyquant.measure.observation.Built`) and at last observed. A function that needs no
more than the graph takes a :class:`Parsed`, and is content with everything that comes after it.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING
from typing import Any
from typing import TypeVar


if TYPE_CHECKING:
    from pytest_tinyquant.engine import Plan
    from pytest_tinyquant.models.graph import Graph
    from pytest_tinyquant.models.model import Model
    from pytest_tinyquant.project.board_types import Board
    from pytest_tinyquant.schemes.convert import ConvertedModel
    from pytest_tinyquant.schemes.scheme import Scheme


@dataclass(frozen=True)
class Case:
    """A model, to be converted by a scheme and run on a board."""

    model: Model
    scheme: Scheme
    board: Board

    @property
    def name(self) -> str:
        """The combination as messages spell it, such as ``cnn_4-int8-nucleo-l4r5zi``."""
        return f"{self.model.name}-{self.scheme.name}-{self.board.name}"

    @property
    def id(self) -> str:
        """The combination as the ids of its tests spell it: its name in lower case."""
        return self.name.lower()


@dataclass(frozen=True)
class Converted(Case):
    """A case whose model was converted."""

    converted: ConvertedModel


@dataclass(frozen=True)
class Parsed(Converted):
    """A case whose converted file was read.

    :param graph: what is in it; nobody has yet asked whether the board can run it.
    """

    graph: Graph


@dataclass(frozen=True)
class Checked(Parsed):
    """A case that its board's runtime can run.

    :param plan: what a compiler made of the graph; None where the board's runtime has none.
    """

    plan: Plan | None


Grown = TypeVar("Grown", bound=Case)


def grown(case: Case, stage: type[Grown], **found: Any) -> Grown:
    """Return ``case`` one stage further on.

    :param found: what the stage found, by the names of its fields.
    """
    known = {field.name: getattr(case, field.name) for field in dataclasses.fields(case)}
    return stage(**known, **found)
