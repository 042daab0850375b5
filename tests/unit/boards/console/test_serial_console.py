"""The serial console on pseudo terminals: who holds the port, and what becomes of it."""

from __future__ import annotations

import os
import subprocess
import sys
import termios
import tty
from collections.abc import Callable
from collections.abc import Iterator
from pathlib import Path

import pytest
import serial

from pytest_tinyquant.boards.console.console import PortClosedError
from pytest_tinyquant.boards.console.console import SerialConsole
from pytest_tinyquant.boards.console.console_log import LoggedConsole
from pytest_tinyquant.boards.console.port_holders import holders
from pytest_tinyquant.errors import BoardBusyError
from pytest_tinyquant.errors import BoardNotFoundError


class Port:
    """A pseudo terminal under a name that stays while it is unplugged and plugged in again."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.plug_in()

    def plug_in(self) -> None:
        self._device, slave = os.openpty()
        tty.setraw(slave)
        self.path.symlink_to(os.ttyname(slave))
        os.close(slave)

    def unplug(self) -> None:
        os.close(self._device)
        self.path.unlink()

    def send(self, data: bytes) -> None:
        os.write(self._device, data)


@pytest.fixture
def port(tmp_path: Path) -> Port:
    return Port(tmp_path / "ttyACM0")


@pytest.fixture
def other_program(port: Port) -> Iterator[Callable[[str], subprocess.Popen[bytes]]]:
    """Start a program that opens the port as the given code does, and wait until it has."""
    started: list[subprocess.Popen[bytes]] = []

    def start(code: str) -> subprocess.Popen[bytes]:
        source = f"import fcntl, os, sys\n{code}\nprint(flush=True)\nsys.stdin.read()"
        program = subprocess.Popen(
            [sys.executable, "-c", source, str(port.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        started.append(program)
        assert program.stdout is not None
        program.stdout.readline()
        return program

    yield start
    for program in started:
        program.kill()
        program.communicate()


OPEN = "port = os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY)"
LOCK = f"{OPEN}; fcntl.flock(port, fcntl.LOCK_EX)"


def test_reads_what_came(port: Port) -> None:
    console = SerialConsole(str(port.path))
    assert console.read(0) == b""
    port.send(b"one\xff\x00\n")
    assert console.read(5) == b"one\xff\x00\n"
    console.close()
    console.close()


def test_what_came_before_it_was_opened_is_not_read(port: Port) -> None:
    port.send(b"stale")
    console = SerialConsole(str(port.path))
    assert console.read(0) == b""
    console.close()


def test_a_port_is_held_by_one_reader_only(port: Port) -> None:
    first = SerialConsole(str(port.path))
    with pytest.raises(BoardBusyError, match="is held by another program"):
        SerialConsole(str(port.path))
    first.close()
    SerialConsole(str(port.path)).close()


def test_names_the_program_that_holds_the_port(
    port: Port, other_program: Callable[[str], subprocess.Popen[bytes]]
) -> None:
    program = other_program(LOCK)
    with pytest.raises(BoardBusyError) as caught:
        SerialConsole(str(port.path))
    assert f"is held by process {program.pid} ({sys.executable} -c" in str(caught.value)
    assert caught.value.holder.startswith(f"process {program.pid} ")


def test_a_killed_holder_leaves_no_lock_behind(
    port: Port, other_program: Callable[[str], subprocess.Popen[bytes]]
) -> None:
    program = other_program(LOCK)
    program.kill()
    program.wait()
    SerialConsole(str(port.path)).close()


def test_names_who_else_reads_a_port_that_fails(
    port: Port,
    other_program: Callable[[str], subprocess.Popen[bytes]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A program that opens the port without asking for it alone takes bytes away unseen."""
    console = SerialConsole(str(port.path))
    assert holders(str(port.path)) == ()
    program = other_program(OPEN)

    def fail(_: object, size: int) -> bytes:
        raise serial.SerialException("returned no data (multiple access on port?)")

    monkeypatch.setattr("serial.Serial.read", fail)
    expected = rf"multiple access.*; process {program.pid} \(.*\) has it open, too"
    with pytest.raises(PortClosedError, match=expected):
        console.read(5)
    console.close()


def test_a_port_that_is_unplugged(port: Port) -> None:
    console = SerialConsole(str(port.path))
    port.unplug()
    with pytest.raises(PortClosedError, match=r"serial port .*ttyACM0 went away: "):
        console.read(5)
    console.close()


def test_a_port_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(PortClosedError, match=r"cannot be opened: .*No such file.*is attached"):
        SerialConsole(str(tmp_path / "ttyACM9"))


def test_a_port_that_may_not_be_read_is_not_called_busy(
    port: Port, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("os.open", refuse)
    with pytest.raises(PortClosedError, match=r"Permission denied.*that you may read the port"):
        SerialConsole(str(port.path))


def test_opens_a_port_that_comes_back(port: Port) -> None:
    console = SerialConsole(str(port.path))
    port.unplug()
    port.plug_in()
    console.reopen(within=0)
    port.send(b"again")
    assert console.read(5) == b"again"
    console.close()


def test_finds_a_port_that_comes_back_under_another_name(port: Port, tmp_path: Path) -> None:
    places: Iterator[str | BoardNotFoundError] = iter(
        [str(port.path), BoardNotFoundError("not there yet"), str(tmp_path / "ttyACM1")]
    )

    def find() -> str:
        place = next(places)
        if isinstance(place, Exception):
            port.path = tmp_path / "ttyACM1"
            port.plug_in()
            raise place
        return place

    console = SerialConsole(find)
    port.unplug()
    console.reopen(within=5)
    port.send(b"again")
    assert console.read(5) == b"again"
    console.close()


def test_gives_up_on_a_port_that_stays_away(port: Port) -> None:
    console = SerialConsole(str(port.path))
    port.unplug()
    with pytest.raises(PortClosedError, match="cannot be opened"):
        console.reopen(within=0)


def test_keeps_everything_in_a_file(port: Port, tmp_path: Path) -> None:
    log = tmp_path / "console.log"
    for text in (b"first\xff run\n", b"second"):
        console = LoggedConsole(SerialConsole(str(port.path)), log)
        port.send(text)
        assert console.read(5) == text
        assert log.read_bytes().endswith(text)
        console.note("run again after: a cable")
        console.close()
    note = b"\n=== tinyquant: run again after: a cable\n"
    assert log.read_bytes() == b"first\xff run\n" + note + b"second" + note


@pytest.mark.parametrize("call", ["tcflush", "tcsetattr"])
def test_an_emulator_that_ends_while_its_port_is_opened_took_the_port_away(
    port: Port, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    """Errors of these calls are no OSErrors, and pyserial lets them through."""

    def fails(*_: object) -> None:
        raise termios.error(5, "Input/output error")

    monkeypatch.setattr(termios, call, fails)
    with pytest.raises(PortClosedError, match=r"cannot be opened: .*Input/output error"):
        SerialConsole(str(port.path))


def test_one_that_ends_before_a_read_took_it_away_too(
    port: Port, monkeypatch: pytest.MonkeyPatch
) -> None:
    console = SerialConsole(str(port.path))

    def fails(*_: object) -> None:
        raise termios.error(5, "Input/output error")

    monkeypatch.setattr(termios, "tcsetattr", fails)
    # Before it waits, pyserial sets the port up for the time that it is to wait.
    monkeypatch.setattr(termios, "tcgetattr", lambda _: [0] * 6 + [[0] * 32])
    with pytest.raises(PortClosedError, match="went away"):
        console.read(0.5)
