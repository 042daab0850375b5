"""Builds a tiny program from a source archive, the way the cross compiler is built.

As a program of its own: CACHE ARCHIVE are its arguments, and it prints what the build says.
"""

from __future__ import annotations

import sys
from pathlib import Path

from pytest_tinyquant.firmware.recipe import Package
from pytest_tinyquant.firmware.recipe import Recipe
from pytest_tinyquant.firmware.source_build import build
from pytest_tinyquant.system.cache import Cache


def recipe(archive: Path) -> Recipe:
    """Return how the tool in `archive` is built."""
    return Recipe(
        name="tool",
        what="the tool",
        key=Cache.key("tool"),
        debian="tool-source",
        tools=("make",),
        packages=(
            Package("tool", str(archive), (), (("make", ("all",)), ("install", ("install",)))),
        ),
        program=Path("bin/tool"),
        prune=lambda prefix: (prefix / "share/manual").unlink(),
        verify=lambda program, directory: None,
    )


if __name__ == "__main__":
    print("starts", flush=True)
    print(
        build(recipe(Path(sys.argv[2])), Cache(Path(sys.argv[1])), lambda s: print(s, flush=True))
    )
