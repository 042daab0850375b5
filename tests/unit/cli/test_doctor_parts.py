"""``tinyquant doctor``, part by part: each is tried, and what is wrong says how to mend it."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import importlib.util
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from typing import NoReturn

import pytest

from pytest_tinyquant.baselines.store import BaselineStore
from pytest_tinyquant.boards.emulator import qemu
from pytest_tinyquant.boards.npu import vela
from pytest_tinyquant.cli import doctor_parts
from pytest_tinyquant.cli.doctor_boards import board_findings
from pytest_tinyquant.cli.doctor_boards import own_boards
from pytest_tinyquant.cli.doctor_parts import compiler_findings
from pytest_tinyquant.cli.doctor_parts import emulator_findings
from pytest_tinyquant.cli.doctor_parts import estimate_findings
from pytest_tinyquant.cli.doctor_parts import part_findings
from pytest_tinyquant.cli.finding import Finding
from pytest_tinyquant.cli.main import main
from pytest_tinyquant.firmware import toolchain
from pytest_tinyquant.firmware import toolchain_profiler
from pytest_tinyquant.firmware.core_trial import core_flags
from pytest_tinyquant.measure.measurement import Measurement
from pytest_tinyquant.project.board_types import Board
from pytest_tinyquant.project.board_types import Gate
from pytest_tinyquant.project.board_types import aim
from pytest_tinyquant.project.board_types import load_boards
from pytest_tinyquant.project.kinds import KINDS
from pytest_tinyquant.project.npu import Npu


BOARDS = load_boards(())
NUCLEO = BOARDS["nucleo-l4r5zi"]
CORES = [name for name in KINDS if KINDS[name].has_pyocd]

needs_vela = pytest.mark.skipif(
    importlib.util.find_spec("ethosu") is None,
    reason="Vela is not installed: pip install 'pytest-tinyquant[ethos-u]'",
)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TINYQUANT_CACHE", str(tmp_path / "cache"))
    toolchain.find_toolchain.cache_clear()
    return tmp_path / "cache"


def parts(*boards: Board) -> dict[str, Finding]:
    return {finding.name: finding for finding in part_findings(boards, boards)}


# ---- compilers: every core ----


def test_the_compiler_is_tried_for_every_core() -> None:
    (found,) = compiler_findings((), CORES)
    assert found.found.endswith(f", for {', '.join(CORES)}")


@pytest.mark.parametrize("core", CORES)
def test_a_compiler_that_does_not_know_one_core(
    core: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = shutil.which("arm-none-eabi-gcc")
    flags = " ".join(core_flags(core))
    assert f"-mcpu={core[:-1] if core == 'cortex-m4f' else core}" in flags
    old = tmp_path / "arm-none-eabi-gcc"
    refuse = "echo 'error: unrecognized -mcpu target' >&2; exit 1"
    old.write_text(f'#!/bin/sh\ncase "$*" in *"{flags}"*) {refuse};; esac\nexec {real} "$@"\n')
    old.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    toolchain.find_toolchain.cache_clear()
    good, bad = sorted(compiler_findings((), CORES), key=lambda finding: finding.absent)
    assert good.found.endswith(f", for {', '.join(name for name in CORES if name != core)}")
    assert bad.missing
    assert bad.purpose == f"building firmware for {core}"
    assert f"makes no program for a {core}: error: unrecognized -mcpu target" in bad.remedy
    assert "apt install gcc-arm-none-eabi libnewlib-arm-none-eabi" in bad.remedy


def test_a_board_s_own_compiler_is_the_one_that_is_tried() -> None:
    board = dataclasses.replace(NUCLEO, toolchain="/nowhere/arm-none-eabi-gcc")
    found = parts(board)["arm-none-eabi-gcc"]
    assert found.missing
    assert "correct the key toolchain in boards.toml" in found.remedy


def test_no_compiler_at_all_is_said_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    (found,) = compiler_findings((), CORES)
    assert found.remedy.startswith("arm-none-eabi-gcc is not on the PATH. Install it")
    assert found.purpose == f"building firmware for {', '.join(CORES)}"


# ---- emulators: every machine ----


@pytest.mark.parametrize("core", CORES)
def test_an_emulator_without_the_machine_of_one_core(
    core: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = KINDS[core].machine
    others = [KINDS[name].machine for name in CORES if KINDS[name].machine != machine]
    monkeypatch.setattr(qemu, "machines_of", lambda program: tuple(others))
    found = list(emulator_findings((), CORES))
    (bad,) = (one for one in found if one.missing)
    assert machine in bad.purpose
    assert f"has no machine {machine!r}; install QEMU 7.2 or newer" in bad.remedy
    (good,) = (one for one in found if not one.missing)
    assert good.found.endswith(f", for {', '.join(dict.fromkeys(others))}")


def test_no_emulator_names_its_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert parts(NUCLEO)["qemu-system-arm"].remedy.endswith("apt-get install qemu-system-arm")
    assert parts(BOARDS["rx65n"])["qemu-system-rx"].remedy.endswith(
        "apt-get install qemu-system-misc"
    )


def test_a_board_on_the_desk_needs_no_emulator() -> None:
    assert "qemu-system-arm" not in parts(aim(NUCLEO, "hardware", attached=()))


# ---- packages ----


@pytest.mark.parametrize(
    ("package", "board", "extra"),
    [
        ("tflite-micro", "host", "emulation"),
        ("ethos-u-vela", "ethos-u55-128", "ethos-u"),
        ("pyocd", "nucleo-l4r5zi", "hardware"),
        ("pyserial", "nucleo-l4r5zi", "hardware"),
        ("pyelftools", "rx65n", "hardware"),
    ],
)
def test_a_package_that_is_missing_or_of_another_version(
    package: str, board: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor_parts, "installed", lambda name: "")
    found = parts(BOARDS[board])[package]
    assert found.missing
    assert found.remedy == f"pip install 'pytest-tinyquant[{extra}]'"
    monkeypatch.setattr(doctor_parts, "installed", lambda name: "0.0.1")
    found = parts(BOARDS[board])[package]
    if package == "tflite-micro":  # The only one that any version of will do.
        assert found.found == "0.0.1"
        return
    assert found.missing
    assert found.remedy.startswith(f"0.0.1 is installed, {package}")
    assert found.remedy.endswith(f" is needed: pip install 'pytest-tinyquant[{extra}]'")


def test_a_newer_pyocd_than_the_one_it_was_written_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor_parts, "installed", lambda name: "0.99.0")
    assert parts(NUCLEO)["pyocd"].missing


def test_what_only_some_commands_need_is_told_and_not_missing(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    real = doctor_parts.installed
    monkeypatch.setattr(
        doctor_parts, "installed", lambda name: "" if name == "capstone" else real(name)
    )
    assert main(["doctor", "nucleo-l4r5zi"]) == 0
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    at = lines.index("without capstone pip install 'pytest-tinyquant[emulation]'")
    assert lines[at + 1] == "only needed for estimated cycles of emulated cortex-m4f boards"
    assert lines[-1] == "everything is installed"


# ---- estimated cycles ----


def test_the_plug_in_is_built_and_names_its_compiler() -> None:
    assert parts(NUCLEO)["cycle plug-in"].found.startswith("profile.so, built with /")


@pytest.mark.parametrize("gate", ["instructions", "estimated-cycles", "both"])
def test_a_gate_of_cycles_makes_the_host_s_compiler_necessary(
    gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(toolchain_profiler, "COMPILERS", ("no-such-compiler",))
    found = parts(dataclasses.replace(NUCLEO, gate=gate))["cycle plug-in"]
    assert found.remedy.endswith("apt-get install gcc libc6-dev")
    assert found.absent
    assert found.missing == (gate != "instructions")


def test_a_core_without_a_model_needs_no_plug_in() -> None:
    boards = (BOARDS["rp2040"], BOARDS["host"])
    assert not list(estimate_findings(boards, ("cortex-m0plus", "host"), boards))


def test_the_simulator_of_the_rx_is_one_option_s(cache: Path) -> None:
    found = parts(BOARDS["rx65n"])["cycle simulator"]
    assert found.purpose == "--tq-estimate-cycles on rx boards"
    assert not found.missing
    assert "tinyquant toolchain rx-sim" in found.remedy or found.found


# ---- NPUs ----


def npu_finding(npu: Npu, baselines: Path | None = None) -> list[Finding]:
    board = dataclasses.replace(BOARDS["ethos-u55-128"], name="mine", npu=npu)
    return list(board_findings([board], baselines))


U55 = Npu("ethos-u55-128", "Ethos_U55_High_End_Embedded", "Shared_Sram")


@needs_vela
@pytest.mark.parametrize("name", [name for name in BOARDS if BOARDS[name].npu is not None])
def test_vela_has_the_configuration_of_each_board(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    npu = BOARDS[name].npu
    assert npu is not None
    monkeypatch.setattr(vela, "started", vela.version)  # Once is enough, below.
    (found,) = npu_finding(npu)
    assert found.found.endswith(f": {npu.accelerator}, {npu.system_config}, {npu.memory_mode}")


@needs_vela
@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"system_config": "Ethos_U55_Low_End"}, "there is no System_Config 'Ethos_U55_Low_End'"),
        ({"memory_mode": "Sram"}, "there is no Memory_Mode 'Sram'"),
        ({"config": Path("none.ini")}, "none.ini does not exist; correct the path"),
    ],
)
def test_a_configuration_that_vela_does_not_have(change: dict[str, Any], words: str) -> None:
    (found,) = npu_finding(dataclasses.replace(U55, **change))
    assert found.missing
    assert words in found.remedy


@needs_vela
def test_a_vela_that_does_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vela, "_MODULE", "ethosu.no_such_module")
    (found,) = npu_finding(U55)
    assert "no_such_module" in found.remedy
    assert "reinstall it with: pip install 'pytest-tinyquant[ethos-u]'" in found.remedy


def test_no_vela_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> NoReturn:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr("importlib.metadata.version", absent)
    (found,) = npu_finding(U55)
    assert found.remedy.endswith("install it with: pip install 'pytest-tinyquant[ethos-u]'")


@needs_vela
def test_baselines_of_another_vela_are_told_before_a_run(
    tmp_path: Path, change: Callable[..., Measurement]
) -> None:
    store = BaselineStore(tmp_path)
    assert len(npu_finding(U55, tmp_path)) == 1
    store.write(change(board="mine", toolchain=vela.version()))
    *_, found = npu_finding(U55, tmp_path)
    assert found.found == f"of {vela.version()}"
    store.write(change(board="mine", model="older", toolchain="ethos-u-vela 4.2.0"))
    *_, found = npu_finding(U55, tmp_path)
    assert found.missing
    assert f"of ethos-u-vela 4.2.0, but {vela.version()} is installed" in found.remedy
    assert "pip install 'ethos-u-vela==4.2.0'" in found.remedy


# ---- tools and libraries of single boards ----


def test_a_project_s_own_boards_are_looked_at_without_being_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "models").mkdir()
    table = '[mine]\nbase = "st-edge-ai-stm32l4"\ndescription = "ours"\n'
    (tmp_path / "boards.toml").write_text(table)
    boards = load_boards([tmp_path / "boards.toml"])
    assert [board.name for board in own_boards(boards.values())] == ["mine"]
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    main(["doctor"])
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    (at,) = (n for n, line in enumerate(lines) if line.startswith("missing stedgeai"))
    assert lines[at + 1] == "needed for board mine"
