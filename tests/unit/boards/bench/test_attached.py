"""Which boards of the bench are there, as pyOCD and the serial ports tell."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from typing import NoReturn

import pytest
from serial.tools import list_ports

from pytest_tinyquant.boards.bench.attached import attached
from pytest_tinyquant.boards.bench.attached import reachable
from pytest_tinyquant.boards.console.serial_port import find_port
from pytest_tinyquant.boards.debug import pyocd_session
from pytest_tinyquant.boards.debug.pyocd_session import AttachedProbe
from pytest_tinyquant.errors import BoardNotFoundError
from pytest_tinyquant.errors import ToolchainNotFoundError
from pytest_tinyquant.project.bench import PhysicalBoard
from pytest_tinyquant.project.board_types import aim
from pytest_tinyquant.project.board_types import load_boards


NUCLEO = aim(load_boards([])["nucleo-l4r5zi"], "hardware", attached=())
NUCLEO = dataclasses.replace(NUCLEO, chip="stm32l4r5zi")
A = PhysicalBoard("nucleo-a", "nucleo-l4r5zi", "stlink:0AA", "usb:0AA")
B = PhysicalBoard("nucleo-b", "nucleo-l4r5zi", "0BB", "usb:0BB")
RX = PhysicalBoard("rx-a", "rx65n", "", "usb:0CC", flasher="rfp-cli")


@pytest.fixture(autouse=True)
def probes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Ids of the attached probes; none at first."""
    ids: list[str] = []

    def found() -> tuple[AttachedProbe, ...]:
        return tuple(AttachedProbe(unique_id, "STMicro STLink") for unique_id in ids)

    monkeypatch.setattr(pyocd_session, "attached_probes", found)
    return ids


@pytest.fixture(autouse=True)
def ports(monkeypatch: pytest.MonkeyPatch) -> dict[str, str | None]:
    """Serial numbers of the attached serial ports by path; none at first."""
    serials: dict[str, str | None] = {}

    def found() -> list[Any]:
        return [SimpleNamespace(device=path, serial_number=s) for path, s in serials.items()]

    monkeypatch.setattr(list_ports, "comports", found)
    return serials


def test_a_board_is_where_its_probe_is(probes: list[str]) -> None:
    assert attached([A, B]) == ()
    probes += ["0bb", "0AAA"]
    assert attached([A, B]) == (B,)


def test_a_board_without_a_known_probe_is_where_its_port_is(
    ports: dict[str, str | None], tmp_path: Path
) -> None:
    assert attached([RX]) == ()
    ports["/dev/null"] = "0cc"
    assert attached([RX]) == (RX,)
    by_path = dataclasses.replace(RX, port=str(tmp_path / "ttyUSB0"))
    assert attached([by_path]) == ()
    (tmp_path / "ttyUSB0").touch()
    assert attached([by_path]) == (by_path,)


def test_without_pyocd_no_probe_is_attached(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent() -> NoReturn:
        raise ToolchainNotFoundError("pyOCD cannot be imported")

    monkeypatch.setattr(pyocd_session, "attached_probes", absent)
    assert attached([A]) == ()


def test_any_attached_board_of_the_type_will_do(probes: list[str]) -> None:
    probes += ["0AA", "0BB"]
    assert reachable(NUCLEO, [A, B, RX]) == (A, B)


def test_says_what_is_attached_when_the_board_is_not(probes: list[str]) -> None:
    probes.append("0DD")
    message = r"none of .* attached: nucleo-a \(stlink:0AA\)\. .*: 0DD \(STMicro STLink\)"
    with pytest.raises(BoardNotFoundError, match=message):
        reachable(NUCLEO, [A, RX])


def test_says_how_to_configure_a_board_that_is_attached(probes: list[str]) -> None:
    probes.append("0DD")
    with pytest.raises(BoardNotFoundError, match=r'type = "nucleo-l4r5zi" to .*boards\.toml.*0DD'):
        reachable(NUCLEO, [RX])


def test_a_board_without_firmware_cannot_be_used(probes: list[str]) -> None:
    probes.append("0AA")
    with pytest.raises(BoardNotFoundError, match="no firmware for real boards"):
        reachable(dataclasses.replace(NUCLEO, chip=""), [A])


def test_finds_a_port_by_the_serial_number_of_its_usb_device(ports: dict[str, str | None]) -> None:
    ports |= {"/dev/ttyS0": None, "/dev/ttyACM1": "0AA", "/dev/ttyACM2": "0BB"}
    assert find_port("usb:0bb") == "/dev/ttyACM2"
    assert find_port("/dev/ttyS7") == "/dev/ttyS7"
    with pytest.raises(BoardNotFoundError, match=r"0 serial ports .*: /dev/ttyACM1 \(0AA\), "):
        find_port("usb:0CC")


def test_an_old_st_link_has_a_serial_number_that_is_no_text(ports: dict[str, str | None]) -> None:
    """pyOCD writes its twelve bytes in hexadecimal digits; so does the row, as pyocd list does."""
    ports["/dev/ttyACM3"] = "".join(map(chr, bytes.fromhex("066eff494851877267183748")))
    assert find_port("usb:066EFF494851877267183748") == "/dev/ttyACM3"


def test_two_ports_of_one_serial_number_are_not_chosen_from(ports: dict[str, str | None]) -> None:
    ports |= {"/dev/ttyACM1": "0AA", "/dev/ttyACM2": "0AA"}
    with pytest.raises(BoardNotFoundError, match="2 serial ports have the USB serial number"):
        find_port("usb:0aa")
