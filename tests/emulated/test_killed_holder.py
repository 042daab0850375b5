"""kill -9 of a process that holds a board, at any point between taking it and the baseline.

Each child process leases the board, flashes it, runs it and records what it measured, and kills
itself when a given function of this package is called for the first time in that.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_tinyquant.boards.bench.hardware import image_digest
from pytest_tinyquant.boards.bench.lease import LeaseDirectory
from pytest_tinyquant.firmware.image import FirmwareImage


if TYPE_CHECKING:
    from tests.conftest import EmulatedBench


CHILD = """
import os, sys, types
from pathlib import Path
from pytest_tinyquant.system.atomic import write_text
from pytest_tinyquant.boards.bench.hardware import PyocdBoard, image_digest
from pytest_tinyquant.project.board_types import load_boards
from pytest_tinyquant.boards.bench.lease import LeaseDirectory
from pytest_tinyquant.project.bench import load_bench
from pytest_tinyquant.boards.bench.pool import Pool
from pytest_tinyquant.boards.bench.set_aside import BoardHealth
from pytest_tinyquant.system.cache import Cache

root, image, kill_at = Path(sys.argv[1]), types.SimpleNamespace(), sys.argv[4]
image.elf, image.image_id = Path(sys.argv[2]), sys.argv[3]
file = root / "boards.toml"
boards = load_boards([file])
(physical,) = load_bench([file], boards)
pool = Pool(LeaseDirectory(root / "leases"), BoardHealth(root / "boards"), command="c", timeout=0)
seen = []

def watch(frame, event, arg):
    module = frame.f_globals.get("__name__", "")
    if event == "call" and module.startswith("pytest_tinyquant."):
        point = f"{module}:{frame.f_code.co_qualname}"
        if point == kill_at:
            os.kill(os.getpid(), 9)
        if point not in seen:
            seen.append(point)

def record(directory):
    board = PyocdBoard(boards["bench-m4"], physical, timeout=20, memory=lease)
    try:
        board.flash(image)
        counter = board.run().counter
    finally:
        board.close()
    (directory / "counter").write_text(str(counter))
    write_text(root / "baseline.json", f'{{"counter": {counter}}}')

sys.setprofile(watch)
with pool.hold([physical], digest=image_digest(image), test="combination") as lease:
    Cache(root / "cache").entry("run", Cache.key("run"), record)
sys.setprofile(None)
print("\\n".join(seen))
"""
SEED = 20
KILLS = 8

# Where most is at stake; chance picks the others.
CRITICAL = (
    "pytest_tinyquant.boards.bench.lease:Lease.note_loaded",
    "pytest_tinyquant.boards.bench.waiting_line:WaitingLine.wanted_before",
    "pytest_tinyquant.boards.console.protocol:Decoder.feed",
    "pytest_tinyquant.boards.bench.lease:Lease.release",
)


@pytest.mark.parametrize("board_name", ["nucleo-l4r5zi"], indirect=True, scope="session")
def test_a_killed_holder_leaves_a_free_board_and_whole_files(
    emulated_bench: Callable[[int], EmulatedBench],
    well_behaved_image: FirmwareImage,
    tmp_path: Path,
) -> None:
    bench = emulated_bench(1)
    (tmp_path / "boards.toml").write_text(bench.rows)
    leases = LeaseDirectory(tmp_path / "leases")

    def child(kill_at: str = "") -> subprocess.CompletedProcess[str]:
        for entry in (tmp_path / "cache").glob("run/*/*/manifest.json"):
            entry.unlink()  # so that it is measured again
        arguments = [tmp_path, well_behaved_image.elf, well_behaved_image.image_id, kill_at]
        return subprocess.run(
            [sys.executable, "-c", CHILD, *map(str, arguments)],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    whole = child()
    # A board that holds the image already is not programmed again.
    points = set(whole.stdout.split()) & set(child().stdout.split())
    assert set(CRITICAL) < points, whole.stderr
    digest = image_digest(well_behaved_image)
    baseline = json.loads((tmp_path / "baseline.json").read_text())
    assert baseline["counter"] > 0
    chosen = random.Random(SEED).sample(sorted(points - set(CRITICAL)), KILLS - len(CRITICAL))
    for point in (*CRITICAL, *chosen):
        killed = child(point)
        assert killed.returncode == -9, (point, killed.stderr)
        assert leases.is_free(bench.physical[0]), point
        assert json.loads((tmp_path / "baseline.json").read_text()) == baseline, point
        for file in leases.root.glob("[!.]*.json"):
            assert json.loads(file.read_text())["loaded"] in (None, digest), point
    after = child()
    assert after.returncode == 0, after.stderr
    assert json.loads((tmp_path / "baseline.json").read_text()) == baseline
    assert not list(leases.root.glob("*.ticket"))
