"""How long labgrid takes to hand out a place and to take it back: a term of a night's length.

LG_COORDINATOR=HOST:PORT python tests/generator/time_places.py board=m4
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

from pytest_tinyquant.boards.farm.farm import Farm
from pytest_tinyquant.project.bench import PhysicalBoard
from pytest_tinyquant.system.scratch import Scratch
from pytest_tinyquant.system.scratch import new_path


TIMES = 8


def main(tags: list[str]) -> None:
    """Take a place with these tags and give it back, several times; print what that took."""
    wanted = tuple(sorted((key, value) for key, _, value in (tag.partition("=") for tag in tags)))
    row = PhysicalBoard("timed", "timed", "", "", labgrid=wanted, hold="measurement")
    run = Scratch(new_path())
    got, given_back = [], []
    with tempfile.TemporaryDirectory() as notes:
        farm = Farm(run.path, Path(notes), timeout=600)
        for _ in range(TIMES):
            start = time.monotonic()
            with farm.reach(row):
                reached = time.monotonic()
            got.append(reached - start)
            given_back.append(time.monotonic() - reached)
        farm.close()
    run.close()
    for what, seconds in (("get", got), ("give back", given_back)):
        low, middle, high = min(seconds), statistics.median(seconds), max(seconds)
        print(f"{what:<10} {middle:.1f} s (median of {TIMES}; {low:.1f} to {high:.1f} s)")
    print(f"load       {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")


if __name__ == "__main__":
    main(sys.argv[1:])
