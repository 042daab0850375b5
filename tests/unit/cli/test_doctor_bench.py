"""``tinyquant doctor`` and ``tinyquant boards`` about boards that are not there, or not well."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn
from typing import cast

import pytest

from pytest_tinyquant.boards.bench.lease import LeaseDirectory
from pytest_tinyquant.boards.console.port_holders import PortHolder
from pytest_tinyquant.boards.debug.pyocd_session import AttachedProbe
from pytest_tinyquant.cli import doctor_bench
from pytest_tinyquant.cli.doctor_bench import bench_findings
from pytest_tinyquant.cli.doctor_bench import usb_findings
from pytest_tinyquant.cli.finding import Finding
from pytest_tinyquant.cli.main import main
from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.project.bench import PhysicalBoard
from pytest_tinyquant.project.project import Project


ROW = """
[[bench]]
name = "rx-a"
type = "rx65n"
port = "{port}"
flasher = "flash-it {{mot}}"
labels = ["desk 3"]

[[bench]]
name = "nucleo-a"
type = "nucleo-l4r5zi"
probe = "0AA"
port = "usb:0AA"
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("CONFIG", "STATE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name))
    monkeypatch.setenv("TINYQUANT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.delenv("TINYQUANT_LEASE_DIR", raising=False)
    (tmp_path / "models").mkdir()
    (tmp_path / "tty").touch()
    (tmp_path / "boards.toml").write_text(ROW.format(port=tmp_path / "tty"))
    return tmp_path


@pytest.fixture
def findings(project: Path) -> Callable[[], dict[str, Finding]]:
    from pytest_tinyquant.cli.current_project import current_project

    return lambda: {finding.name: finding for finding in bench_findings(current_project)}


def test_a_board_that_is_not_attached_is_missing(
    findings: Callable[[], dict[str, Finding]],
) -> None:
    board = findings()["nucleo-a"]
    assert board.missing
    assert board.remedy.startswith("0AA is not attached: plug it in")
    assert "boards.toml: [[bench]] 2 ('nucleo-a'). Attached debug probes: none" in board.remedy


def test_a_port_is_looked_at_in_every_respect(
    findings: Callable[[], dict[str, Finding]], project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = findings()["rx-a port"]
    assert port.found == f"{project / 'tty'}, free"
    monkeypatch.setattr(doctor_bench, "holders", lambda port: (PortHolder(7, "minicom"),))
    assert findings()["rx-a port"].found.endswith("tty, open in process 7 (minicom)")
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert "may not be opened; become a member of its group" in findings()["rx-a port"].remedy


def test_a_tool_that_is_not_installed_is_missing(
    findings: Callable[[], dict[str, Finding]],
) -> None:
    assert "flash-it" in findings()["rx-a flasher"].remedy


def test_a_directory_of_leases_that_cannot_be_used(
    findings: Callable[[], dict[str, Finding]], project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TINYQUANT_LEASE_DIR", str(project / "tty"))
    assert "cannot be leased" in findings()["leases"].remedy


def test_a_file_that_cannot_be_followed_is_told_and_ends_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def load() -> NoReturn:
        raise ConfigurationError("boards.toml: no")

    found = {finding.name: finding for finding in bench_findings(load)}
    assert found["boards.toml"].remedy == "boards.toml: no"


def test_a_probe_that_nobody_configured_is_named(
    project: Path,
    findings: Callable[[], dict[str, Finding]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    probes = (AttachedProbe("0DD", "STMicro STLink"),)
    monkeypatch.setattr(doctor_bench, "attached_probes", lambda: probes)
    monkeypatch.setattr(doctor_bench, "attached_text", lambda: "0DD (STMicro STLink)")
    assert main(["boards"]) == 0
    assert "attached probe without a row: 0DD (STMicro STLink)" in capsys.readouterr().out
    (project / "boards.toml").unlink()
    row = findings()["bench"].found
    assert row.startswith("no [[bench]] row for the attached probes: 0DD (STMicro STLink); ")
    assert str(project / "CONFIG/pytest-tinyquant/boards.toml") in row


def test_boards_tells_the_state_of_each(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["boards"]) == 0
    out = capsys.readouterr().out.splitlines()
    (rx,) = (line for line in out if "rx-a" in line)
    (nucleo,) = (line for line in out if "nucleo-a" in line)
    assert "desk 3" in rx
    assert "free" in rx
    assert "not attached" in nucleo


def test_doctors_exit_status_tells_of_the_bench(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from pytest_tinyquant.cli import doctor

    monkeypatch.setattr(doctor, "_findings", lambda load, boards: iter(()))
    assert main(["doctor"]) == 1
    assert "needed for board nucleo-a (nucleo-l4r5zi)" in capsys.readouterr().out
    (project / "boards.toml").unlink()
    assert main(["doctor"]) == 0


def test_the_handbook_shows_what_doctor_prints(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    handbook = (Path(__file__).parents[3] / "docs/hardware.md").read_text()
    shown = handbook.partition("```text\n")[2].partition("```")[0]
    row = 'name = "desk"\ntype = "nucleo-l4r5zi"\nprobe = "066EFF494851877267183748"\n'
    (project / "boards.toml").write_text(f"[[bench]]\n{row}")
    assert main(["doctor", "nucleo-l4r5zi"]) == 1
    printed = capsys.readouterr().out
    assert _names(shown) == [name for name in _names(printed) if not name.startswith("usb ")]
    assert "needed for board desk (nucleo-l4r5zi)" in shown and "needed for board desk" in printed


def _names(output: str) -> list[str]:
    lines = [line for line in output.splitlines() if line.startswith(("ok  ", "missing  "))]
    return [line[9:].split("  ")[0] for line in lines]


def usb_device(root: Path, name: str, **attributes: str) -> None:
    (root / name).mkdir(parents=True)
    for attribute, value in attributes.items():
        (root / name / attribute).write_text(f"{value}\n")


def test_a_probe_that_udev_keeps_from_the_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    devices, nodes = tmp_path / "devices", tmp_path / "nodes"
    usb_device(devices, "1-1", idVendor="0483", serial="0AA", busnum="1", devnum="7")
    usb_device(devices, "1-2", idVendor="046d", serial="mouse", busnum="1", devnum="8")
    usb_device(devices, "usb1")
    (nodes / "001").mkdir(parents=True)
    node = nodes / "001" / "007"
    node.touch()
    (found,) = usb_findings(devices, nodes)
    assert found.found == "ST-LINK 0AA, may be opened"
    monkeypatch.setattr(os, "access", lambda path, mode: path != node)
    (found,) = usb_findings(devices, nodes)
    assert found.missing
    assert f'ST-LINK 0AA: {node} may not be opened; put \'SUBSYSTEM=="usb"' in found.remedy
    assert 'ATTR{idVendor}=="0483"' in found.remedy
    assert list(usb_findings(tmp_path / "none", nodes)) == []


METERED = """
[[bench]]
name = "desk"
type = "nucleo-l4r5zi"
probe = "0AA"
energy = {meter!r}
"""


def test_a_meter_is_asked_for_a_sample(
    findings: Callable[[], dict[str, Finding]], project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    meter = project / "meter.py"
    meter.write_text(
        "import sys, time\n"
        "start = time.monotonic()\n"
        "while True:\n"
        "    print(f'{time.monotonic() - start},0.010,3.3', flush=True)\n"
        "    time.sleep(0.01)\n"
    )
    command = f"{sys.executable} {meter}"
    (project / "boards.toml").write_text(METERED.format(meter=command))
    assert findings()["desk meter"].found == f"{command}: 0.033 W"
    meter.write_text("print('error absent: plug it in')\n")
    found = findings()["desk meter"]
    assert found.missing
    assert "plug it in" in found.remedy


def test_a_meter_whose_package_is_not_there(
    findings: Callable[[], dict[str, Finding]], project: Path
) -> None:
    if importlib.util.find_spec("joulescope") is not None:
        pytest.skip("joulescope is installed")
    (project / "boards.toml").write_text(METERED.format(meter="joulescope"))
    assert "pip install 'pytest-tinyquant[energy]'" in findings()["desk meter"].remedy


def test_the_meter_of_a_board_in_use_is_not_disturbed(
    findings: Callable[[], dict[str, Finding]], project: Path
) -> None:
    (project / "boards.toml").write_text(METERED.format(meter="no-such-meter --csv"))
    row = PhysicalBoard("desk", "nucleo-l4r5zi", "0AA", "usb:0AA")
    held = LeaseDirectory().try_take(row, command="pytest", test="t")
    assert held is not None
    try:
        assert "in use, so it was not disturbed" in findings()["desk meter"].found
    finally:
        held.release()
    assert "no-such-meter cannot be run" in findings()["desk meter"].remedy


def test_labgrids_program_and_its_coordinator_are_told_apart(
    findings: Callable[[], dict[str, Finding]], project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = 'name = "far"\ntype = "nucleo-l4r5zi"\nlabgrid = {board = "nucleo"}\n'
    (project / "boards.toml").write_text(f"[[bench]]\n{row}")
    monkeypatch.delenv("TINYQUANT_LABGRID_CLIENT", raising=False)
    monkeypatch.setenv("PATH", str(project))
    assert "tinyquant toolchain labgrid" in findings()["far labgrid"].remedy
    program = project / "labgrid-client"
    program.write_text("#!/bin/sh\necho 'Server error: connection refused' >&2\nexit 1\n")
    program.chmod(0o755)
    found = findings()
    assert found["far labgrid"].found == str(program)
    assert "connection refused" in found["far"].remedy


def test_without_pyocd_nothing_is_looked_for(
    monkeypatch: pytest.MonkeyPatch, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from pytest_tinyquant.cli import doctor

    monkeypatch.setattr(doctor, "installed", lambda package: "")
    assert doctor._bench_findings(lambda: cast(Project, None), ()) == []
