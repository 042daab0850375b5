"""What the command line program prints, with text of others made harmless."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import IO
from typing import TYPE_CHECKING
from typing import Any
from typing import Final

from pytest_tinyquant.system.plain_text import harmless


if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

_UNLIMITED: Final = 10_000


def say(text: object, *, file: IO[str] | None = None) -> None:
    """Print text of one or several lines at once; `file` is standard output by default."""
    print(harmless(str(text)), file=file or sys.stdout, flush=True)


def complain(program: str, error: object) -> None:
    """Print to standard error what went wrong."""
    say(f"{program}: {error}", file=sys.stderr)


def plain_console(**options: Any) -> Console:
    """Return a console of rich that escapes in every renderable what a terminal would act on.

    It cuts no word of a table: a narrow terminal gets more lines, and the first column, which holds
    names, stays whole. What is no terminal has lines as long as they need be.

    :param options: those of :class:`rich.console.Console`.
    """
    from rich.console import Console
    from rich.console import ConsoleOptions
    from rich.console import RenderableType
    from rich.segment import Segment
    from rich.table import Table

    class PlainConsole(Console):
        def render(
            self, renderable: RenderableType, options: ConsoleOptions | None = None
        ) -> Iterable[Segment]:
            if isinstance(renderable, Table):
                _keep_words(renderable)
            for segment in super().render(renderable, options):
                if segment.control is None:
                    yield Segment(harmless(segment.text), segment.style)
                else:
                    yield segment

    if not sys.stdout.isatty():
        options.setdefault("width", _UNLIMITED)
    return PlainConsole(**options)


def _keep_words(table: Table) -> None:
    for column in table.columns:
        column.overflow = "fold"
    if table.columns:
        table.columns[0].no_wrap = True
