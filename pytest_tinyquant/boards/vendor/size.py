"""Reads what ``size`` of the GNU binutils prints of a program: flash and RAM as they are linked.

With it any tool that gives C sources is a board: a command of the user's builds its program and
prints its size. Renesas' e-AI Translator and Ekkono, which have no command line of their own, are
driven so, and Edge Impulse's C++ library. https://sourceware.org/binutils/docs/binutils/size.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from pytest_tinyquant.boards.vendor.parser import ReportParser
from pytest_tinyquant.boards.vendor.report import ToolReport
from pytest_tinyquant.boards.vendor.report import ToolRun
from pytest_tinyquant.boards.vendor.report import Unreadable
from pytest_tinyquant.boards.vendor.report import size
from pytest_tinyquant.boards.vendor.report import whole
from pytest_tinyquant.metrics.built_in import FLASH
from pytest_tinyquant.metrics.built_in import RAM


_HEAD: Final = re.compile(r"^\s*text\s+data\s+bss\s+dec\s+hex\s+filename[^\S\n]*$", re.M)
_ROW: Final = re.compile(r"^\s*(\d+)\s+(\d+)\s+(\d+)\s+(\d+)\s+[0-9a-f]+\s+\S", re.M)


@dataclass(frozen=True, kw_only=True)
class Size(ReportParser):
    """The size of a whole program, in Berkeley's format."""

    def read(self, run: ToolRun) -> ToolReport:
        """Return flash and RAM of the one program whose size was printed."""
        said = "\n".join(run.said.values())
        heads = list(_HEAD.finditer(said))
        if len(heads) != 1:
            raise Unreadable(
                f"it printed the line 'text data bss dec hex filename' {len(heads)} times, "
                "expected once; end the build with the size of the program"
            )
        rows = _ROW.findall(said[heads[0].end() :])
        if len(rows) != 1:
            raise Unreadable(f"it printed the size of {len(rows)} programs, expected 1")
        text, data, bss, total = (whole(int(number), "a size") for number in rows[0])
        if text + data + bss != total:
            raise Unreadable(f"{text} + {data} + {bss} is not {total}, which it printed")
        return ToolReport(
            "",
            {
                FLASH.name: {"total": size(text + data, "exact")},
                RAM.name: {
                    "total": size(data + bss, "exact"),
                    "data": size(data, "exact"),
                    "bss": size(bss, "exact"),
                },
            },
            remark="of the whole program, without stack and heap beyond .bss",
        )


SIZE: Final = Size(
    name="size",
    title="the build",
    known="GNU binutils",
    install="correct the path of the command in boards.toml",
    complaint=re.compile(r"(?!)"),
    refusal=re.compile(r"(?!)"),
)
