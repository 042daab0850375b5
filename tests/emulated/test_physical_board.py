"""Emulators attached as if they were boards: listed probes, lasting memory, a console of their own.

What is between this test and a real board is pyOCD, pyserial and the operating system; what no
emulator can show stands in docs/boards.md.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_tinyquant.boards.bench.attached import attached
from pytest_tinyquant.boards.bench.hardware import PyocdBoard
from pytest_tinyquant.boards.bench.lease import LeaseDirectory
from pytest_tinyquant.boards.debug.pyocd_session import attached_probes
from pytest_tinyquant.boards.emulator.emulated import EmulatedBoard
from pytest_tinyquant.cli.main import main
from pytest_tinyquant.errors import BoardNotFoundError
from pytest_tinyquant.firmware.image import FirmwareImage
from pytest_tinyquant.project.bench import PhysicalBoard
from pytest_tinyquant.project.board_types import Board


if TYPE_CHECKING:
    from tests.conftest import EmulatedBench


ImageOf = Callable[[str], FirmwareImage]

cortex_m = pytest.mark.parametrize("board_name", ["nucleo-l4r5zi"], indirect=True, scope="session")
"""pyOCD drives Arm cores only."""


@pytest.fixture
def opened(physical_type: Board) -> Iterator[Callable[..., PyocdBoard]]:
    boards: list[PyocdBoard] = []

    def open_board(physical: PhysicalBoard) -> PyocdBoard:
        boards.append(PyocdBoard(physical_type, physical, timeout=20, idle_timeout=0.5))
        return boards[-1]

    yield open_board
    for board in boards:
        board.close()


def test_emulators_are_attached_as_probes(emulated_bench: Callable[[int], EmulatedBench]) -> None:
    bench = emulated_bench(2)
    assert [probe.unique_id for probe in attached_probes()] == ["QEMU1", "QEMU2"]
    assert attached(bench.physical) == bench.physical


@cortex_m
def test_runs_an_image_again_and_again(
    emulated_bench: Callable[[int], EmulatedBench],
    opened: Callable[..., PyocdBoard],
    well_behaved_image: FirmwareImage,
    image_of: ImageOf,
) -> None:
    (physical,) = emulated_bench(1).physical
    board = opened(physical)
    board.flash(well_behaved_image)
    first = board.run()
    assert board.run() == first
    board.close()
    board.flash(image_of("log line"))
    assert board.run().log == "kernel says hello"
    board.flash(well_behaved_image)
    assert board.run() == first


@cortex_m
def test_what_an_emulator_counts_are_instructions(
    emulated_bench: Callable[[int], EmulatedBench],
    opened: Callable[..., PyocdBoard],
    device: EmulatedBoard,
    well_behaved_image: FirmwareImage,
) -> None:
    """So that nobody takes them for the cycles of silicon."""
    board = opened(emulated_bench(1).physical[0])
    board.flash(well_behaved_image)
    device.flash(well_behaved_image)
    record = board.run()
    assert (record.counter_unit, record.counter_class) == ("instructions", "exact")
    assert record == device.run()


@cortex_m
def test_each_board_is_the_one_with_its_id(
    emulated_bench: Callable[[int], EmulatedBench],
    opened: Callable[..., PyocdBoard],
    well_behaved_image: FirmwareImage,
    image_of: ImageOf,
) -> None:
    one, two = map(opened, emulated_bench(2).physical)
    one.flash(well_behaved_image)
    two.flash(image_of("log line"))
    assert (one.run().log, two.run().log) == ("", "kernel says hello")


@cortex_m
def test_output_of_a_run_that_was_cut_off_is_not_taken_for_the_next(
    emulated_bench: Callable[[int], EmulatedBench],
    opened: Callable[..., PyocdBoard],
    well_behaved_image: FirmwareImage,
) -> None:
    (physical,) = emulated_bench(1).physical
    board = opened(physical)
    board.flash(well_behaved_image)
    board._debugger.resume()
    while not board._console.read(0.1):
        pass
    assert board.run() == board.run()


@cortex_m
def test_an_id_that_is_only_part_of_one_is_no_board(
    emulated_bench: Callable[[int], EmulatedBench],
    opened: Callable[..., PyocdBoard],
    well_behaved_image: FirmwareImage,
) -> None:
    (physical,) = emulated_bench(1).physical
    board = opened(dataclasses.replace(physical, probe="QEMU"))
    with pytest.raises(BoardNotFoundError, match=r"'QEMU'; attached are: QEMU1 \(QEMU gdb stub\)"):
        board.flash(well_behaved_image)


def test_doctor_asks_each_board_for_a_sign_of_life(
    emulated_bench: Callable[[int], EmulatedBench],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    bench = emulated_bench(2)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TINYQUANT_LEASE_DIR", str(tmp_path / "leases"))
    (tmp_path / "boards.toml").write_text(bench.rows)
    held = LeaseDirectory().try_take(bench.physical[1], command="pytest", test="cnn_4")
    assert held is not None
    main(["doctor"])
    held.release()
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert "ok qemu1 blink the core answers, CPUID 0x410fc240" in lines
    assert any(line.startswith("ok qemu2 blink in use by pid ") for line in lines)
    assert "ok qemu1 QEMU1, attached" in lines
    assert any(line.startswith("ok qemu1 port /dev/pts/") for line in lines)
