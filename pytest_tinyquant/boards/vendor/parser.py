"""Who reads the reports of one tool.

To add one, derive a class from :class:`ReportParser`, and register an instance in
:data:`pytest_tinyquant.project.tool.PARSERS`. ``size.py`` is the shortest example. Where a script
can write ``figures.json``, nothing needs to be added.
"""

from __future__ import annotations

import re
from abc import ABC
from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_tinyquant.project.tool import PARSERS
from pytest_tinyquant.project.tool import Parser
from pytest_tinyquant.project.tool import Tool


if TYPE_CHECKING:
    from pytest_tinyquant.boards.vendor.report import ToolReport
    from pytest_tinyquant.boards.vendor.report import ToolRun


@dataclass(frozen=True, kw_only=True)
class ReportParser(Parser, ABC):
    """Reads what a tool printed and wrote.

    :param known: versions whose reports it was written after, in words.
    :param install: where the tool comes from, as a sentence.
    :param complaint: a line in which the tool says that it failed, whatever its exit code.
    :param refusal: of such lines those that speak of the model, and not of a cable or a licence.
    """

    known: str
    install: str
    complaint: re.Pattern[str]
    refusal: re.Pattern[str]

    @abstractmethod
    def read(self, run: ToolRun) -> ToolReport:
        """Return what the tool reported.

        :raises pytest_tinyquant.boards.vendor.report.Unreadable: it reported nothing of use.
        """


def parser_of(tool: Tool) -> ReportParser:
    """Return who reads the reports of `tool`."""
    parser = PARSERS[tool.parser]
    assert isinstance(parser, ReportParser), f"{tool.parser} reads no reports"
    return parser
