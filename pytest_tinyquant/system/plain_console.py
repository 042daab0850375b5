"""What the command line program prints, with text of others made harmless."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import IO
from typing import TYPE_CHECKING
from typing import Any

from pytest_tinyquant.system.plain_text import harmless


if TYPE_CHECKING:
    from rich.console import Console


def say(text: object, *, file: IO[str] | None = None) -> None:
    """Print text of one or several lines at once; `file` is standard output by default."""
    print(harmless(str(text)), file=file or sys.stdout, flush=True)


def complain(program: str, error: object) -> None:
    """Print to standard error what went wrong."""
    say(f"{program}: {error}", file=sys.stderr)


def plain_console(**options: Any) -> Console:
    """Return a console of rich that escapes in every renderable what a terminal would act on.

    :param options: those of :class:`rich.console.Console`.
    """
    from rich.console import Console
    from rich.console import ConsoleOptions
    from rich.console import RenderableType
    from rich.segment import Segment

    class PlainConsole(Console):
        def render(
            self, renderable: RenderableType, options: ConsoleOptions | None = None
        ) -> Iterable[Segment]:
            for segment in super().render(renderable, options):
                if segment.control is None:
                    yield Segment(harmless(segment.text), segment.style)
                else:
                    yield segment

    return PlainConsole(**options)
