"""What ``tinyquant janitor`` does: give back places of labgrid whose runs ended without a word."""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING


if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Iterator

    from pytest_tinyquant.boards.farm.heartbeat import Janitor


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("--watch", action="store_true", help="go on for ever, as a service does")


def run(options: argparse.Namespace) -> int:
    """Look for as long as a run may be silent, and print what was given back; return 0.

    :raises FarmError: the coordinator does not answer.
    """
    from pytest_tinyquant.boards.bench.lease import LeaseDirectory
    from pytest_tinyquant.boards.farm.client import Client
    from pytest_tinyquant.boards.farm.heartbeat import Janitor

    janitor = Janitor(Client("tinyquant-janitor"), LeaseDirectory().root)
    for place in look(janitor, watch=options.watch):
        print(f"{place}: given back, its run made no sign", flush=True)
    return 0


def look(
    janitor: Janitor,
    *,
    watch: bool,
    now: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[str]:
    """Yield the places that are given back."""
    from pytest_tinyquant.boards.farm.heartbeat import BEAT_SECONDS
    from pytest_tinyquant.boards.farm.heartbeat import DEAD_SECONDS
    from pytest_tinyquant.errors import BenchError

    end = now() + DEAD_SECONDS
    while True:
        last = now() >= end and not watch
        try:
            yield from janitor.sweep()
        except BenchError:
            if not watch:
                raise
        if last:
            return
        sleep(BEAT_SECONDS / 2 if watch else min(BEAT_SECONDS / 2, end - now()))
