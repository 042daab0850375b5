"""What several kinds of tests share: a bench of emulators, which any process finds attached as if
they were boards, processes that never hang a test, and a library that stands in for TensorFlow Lite
Micro.
"""

from __future__ import annotations

import contextlib
import dataclasses
import shutil
import subprocess
import threading
from collections.abc import Callable
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from postgresql_server import Server
from postgresql_server import program

from pytest_tinyquant.boards.debug import pyocd_names
from pytest_tinyquant.boards.emulator.qemu import Qemu
from pytest_tinyquant.firmware.toolchain import find_toolchain
from pytest_tinyquant.project.bench import PhysicalBoard
from pytest_tinyquant.project.board_types import Board
from pytest_tinyquant.project.board_types import aim
from pytest_tinyquant.project.board_types import load_boards


PROCESS_LIMIT = 300.0
"""Seconds that a process of a test may take on a busy computer."""

TYPE = "bench-m4"
PHYSICAL_TYPE = f"""
[{TYPE}]
base = "nucleo-l4r5zi"
chip = "mps2-an386"
pyocd_target = "tinyquant_mps2_an386"
"""

STAND_IN = Path(__file__).parent / "emulated" / "tflm_stand_in"
CORE = ("-mcpu=cortex-m4", "-mthumb", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16")


@dataclasses.dataclass(frozen=True)
class EmulatedBench:
    """Emulators that any process finds attached as debug probes with ids of their own.

    :param rows: ``[[bench]]`` rows for a boards.toml, with the board type that they are.
    """

    physical: tuple[PhysicalBoard, ...]
    rows: str


@pytest.fixture
def emulated_bench(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int], EmulatedBench]]:
    """Start so many emulators and attach them; they end with the test."""
    with contextlib.ExitStack() as running:

        def start(count: int) -> EmulatedBench:
            machines = [Qemu("qemu-system-arm", "mps2-an386") for _ in range(count)]
            for machine in machines:
                running.callback(machine.close)
            listed = {f"QEMU{n}": m for n, m in enumerate(machines, start=1)}
            monkeypatch.setenv(
                pyocd_names.LISTED_VARIABLE,
                ",".join(f"{name}=127.0.0.1:{m.gdb_port}" for name, m in listed.items()),
            )
            physical = tuple(
                PhysicalBoard(name.lower(), TYPE, name, machine.console_url)
                for name, machine in listed.items()
            )
            rows = "".join(
                f'[[bench]]\nname = "{p.name}"\ntype = "{p.type}"\nprobe = "{p.probe}"\n'
                f'port = "{p.port}"\n'
                for p in physical
            )
            return EmulatedBench(physical, PHYSICAL_TYPE + rows)

        yield start


@pytest.fixture
def start_process() -> Iterator[Callable[..., subprocess.Popen[Any]]]:
    """Start processes as :class:`subprocess.Popen` does; none outlives the test or the limit.

    Killed at the limit, a process lets go whoever waits for it or reads its output, so that the
    test fails by an assertion. ``with subprocess.Popen(...)`` would wait on for a process that
    itself waits for the test.
    """
    with contextlib.ExitStack() as held:

        def start(command: Any, **options: Any) -> subprocess.Popen[Any]:
            process = subprocess.Popen(command, **options)
            watchdog = threading.Timer(PROCESS_LIMIT, process.kill)
            watchdog.start()
            for end in (process.wait, process.kill, watchdog.cancel):
                held.callback(end)
            for stream in filter(None, (process.stdin, process.stdout, process.stderr)):
                held.callback(stream.close)
            return process

        yield start


@pytest.fixture
def physical_type() -> Board:
    """The board type that :func:`emulated_bench` attaches."""
    nucleo = aim(load_boards([])["nucleo-l4r5zi"], "hardware", attached=())
    return dataclasses.replace(
        nucleo, name=TYPE, chip="mps2-an386", pyocd_target="tinyquant_mps2_an386"
    )


@pytest.fixture(scope="session")
def tflm_stand_in(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., str]:
    """Return a function that builds the stand-in with some macros.

    It returns the table of a boards.toml for ``m4``, a board that runs it. ``-UMACRO`` leaves out
    one that is defined otherwise.
    """
    prefix = find_toolchain("cortex-m4").prefix

    def build(*macros: str) -> str:
        output = tmp_path_factory.mktemp("stand_in")
        compile_ = [
            f"{prefix}g++", "-c", "-O2", "-std=c++17", "-fno-exceptions", "-fno-rtti", *CORE,
            "-DTF_LITE_STATIC_MEMORY", *macros, f"-I{STAND_IN / 'include'}",
            str(STAND_IN / "stand_in.cc"), "-o", str(output / "stand_in.o"),
        ]  # fmt: skip
        subprocess.run(compile_, check=True, timeout=60)
        archive = output / "libtensorflow-microlite.a"
        # Deterministic, so that the same library has the same digest wherever it was built.
        subprocess.run(
            [f"{prefix}ar", "rcD", archive, output / "stand_in.o"], check=True, timeout=60
        )
        return (
            "[m4]\nbase = 'nucleo-l4r5zi'\nruntime = 'tflm'\n"
            f"tflm.library = '{archive}'\ntflm.include = '{STAND_IN / 'include'}'\n"
            "tflm.commit = '90b983c2'\n"
        )

    return build


@pytest.fixture(scope="module")
def postgresql() -> Iterator[Server]:
    """A server that runs."""
    if program("initdb") is None:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    # Not in pytest's directory: that of root is closed to the server's user.
    directory = Path(subprocess.check_output(["mktemp", "-d"], text=True).strip())
    try:
        server = Server(directory)
        server.start()
        yield server
        server.stop("immediate")
    finally:
        shutil.rmtree(directory, ignore_errors=True)
