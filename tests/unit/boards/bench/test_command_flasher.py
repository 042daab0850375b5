"""Boards that a vendor's tool programs, against a stand-in for the tool (fake_flasher.py)."""

from __future__ import annotations

import dataclasses
import json
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_tinyquant.boards.bench.command_board import CommandBoard
from pytest_tinyquant.boards.bench.command_flasher import find_flasher
from pytest_tinyquant.boards.bench.command_flasher import program
from pytest_tinyquant.boards.console.protocol import encode
from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.errors import ConsoleError
from pytest_tinyquant.errors import DeviceHaltedError
from pytest_tinyquant.errors import DeviceTimeoutError
from pytest_tinyquant.errors import FlashError
from pytest_tinyquant.errors import ToolchainNotFoundError
from pytest_tinyquant.firmware.toolchain import find_toolchain
from pytest_tinyquant.project.bench import PhysicalBoard
from pytest_tinyquant.project.board_types import Board
from pytest_tinyquant.project.target import Target


Session = tuple[tuple[str, str], ...]

FAULT = f"exc=23 {' '.join(f'{n}=00000000' for n in ('pc', 'sp', 'psw', 'fpsw'))} op=0"


@pytest.fixture
def tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Put the stand-in on the PATH under a tool's name; returns the file with what it was told."""
    directory = tmp_path / "bin"
    directory.mkdir()
    monkeypatch.setenv("PATH", str(directory), prepend=":")
    monkeypatch.setenv("FAKE_FLASHER_RECORD", str(tmp_path / "record.json"))

    def install(name: str) -> Path:
        fake = Path(__file__).with_name("fake_flasher.py").read_text()
        (directory / name).write_text(f"#!{sys.executable}\n{fake}")
        (directory / name).chmod(0o755)
        return tmp_path / "record.json"

    return install


def run_tool(name: str, tmp_path: Path, **changes: Any) -> None:
    mot = tmp_path / "image.mot"
    mot.write_text("S30500000000FA\n")
    values: dict[str, Any] = {
        "elf": tmp_path / "image.elf",
        "mot": mot,
        "serial": "OBE110008",
        "where": "rx65n (desk)",
        "meanwhile": lambda seconds: threading.Event().wait(seconds),
    }
    program(find_flasher(name, "rx65n", "row 1"), **{**values, **changes})


def test_rfp_cli_programs_verifies_and_starts(tool: Callable[[str], Path], tmp_path: Path) -> None:
    record = tool("rfp-cli")
    run_tool("rfp-cli", tmp_path)
    arguments = json.loads(record.read_text())["arguments"]
    assert arguments[:6] == ["-device", "rx65x", "-tool", "e2l:OBE110008", "-if", "fine"]
    assert arguments[arguments.index("-auto") + 1] == str(tmp_path / "image.mot")
    assert {"-run", "-noquery"} <= set(arguments), "starts the firmware and never asks"


def test_jlink_commander_gets_a_script(tool: Callable[[str], Path], tmp_path: Path) -> None:
    record = tool("JLinkExe")
    run_tool("jlink", tmp_path)
    told = json.loads(record.read_text())
    arguments = told["arguments"]
    assert arguments[arguments.index("-SelectEmuBySN") + 1] == "OBE110008"
    assert arguments[arguments.index("-ExitOnError") + 1] == "1"
    script = told["files"][arguments[arguments.index("-CommandFile") + 1]]
    assert script.split("\n") == ["r", f"loadfile {tmp_path / 'image.mot'}", "r", "g", "qc", ""]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("rfp-cli", r"Error\(E3000201\): Cannot find the specified tool"),
        ("jlink", "Cannot connect"),
    ],
)
@pytest.mark.parametrize("how", ["failure", "failure with exit code 0"])
def test_a_failure_is_told_in_the_tools_own_words(
    tool: Callable[[str], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    words: str,
    how: str,
) -> None:
    tool("JLinkExe" if name == "jlink" else name)
    monkeypatch.setenv("FAKE_FLASHER", how)
    with pytest.raises(
        FlashError, match=rf"rx65n \(desk\): .* failed \(exit code \d\)[^$]*{words}"
    ):
        run_tool(name, tmp_path)


def test_a_tool_that_says_nothing(
    tool: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool("rfp-cli")
    monkeypatch.setenv("FAKE_FLASHER", "silent failure")
    with pytest.raises(FlashError, match=r"failed \(exit code 1\).*it said nothing"):
        run_tool("rfp-cli", tmp_path)


def test_a_tool_that_hangs_is_stopped(
    tool: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool("rfp-cli")
    monkeypatch.setenv("FAKE_FLASHER", "hang")
    with pytest.raises(FlashError, match=r"did not finish in 1 s and was stopped[^$]*Erasing"):
        run_tool("rfp-cli", tmp_path, timeout=1)


def test_a_tool_that_is_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolchainNotFoundError, match=r"rfp-cli is not installed.*renesas\.com"):
        run_tool("rfp-cli", tmp_path)


def test_no_serial_number_is_no_probe(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="set 'probe' in the row"):
        run_tool("rfp-cli", tmp_path, serial="")


def test_an_own_command(tool: Callable[[str], Path], tmp_path: Path) -> None:
    record = tool("burn")
    run_tool("burn --to {serial} 'a b' {mot} {elf}", tmp_path)
    arguments = json.loads(record.read_text())["arguments"]
    expected = ["--to", "OBE110008", "a b", str(tmp_path / "image.mot")]
    assert arguments == [*expected, str(tmp_path / "image.elf")]


def test_an_own_command_with_an_unknown_placeholder() -> None:
    with pytest.raises(
        ConfigurationError, match=r"row 1: flasher has {hex}; there are {elf}, {mot}"
    ):
        find_flasher("burn {hex}", "rx65n", "row 1")


def test_no_ready_configuration_for_the_chip() -> None:
    with pytest.raises(ConfigurationError, match="no ready configuration of jlink for 'gd32'"):
        find_flasher("jlink", "gd32", "row 1")


class FakeBoard:
    """A board on a serial port: it says what it is told to whenever the tool starts it."""

    def __init__(self, session: Session) -> None:
        self.says = b"".join(encode(i, *line) for i, line in enumerate(session))
        self.hello = encode(0, *session[0])
        self.starts = 0
        self._listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
        self.console_port, self.start_port = (s.getsockname()[1] for s in self._listeners)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        console = self._listeners[0].accept()[0]
        console.sendall(b"what an earlier program\nsaid last\n")
        while True:
            starter = self._listeners[1].accept()[0]
            if self.starts < 0:
                console.close()
                return
            self.starts += 1
            console.sendall(self.says)
            starter.close()

    def close(self) -> None:
        self.starts = -1
        for port in (self.console_port, self.start_port):
            socket.create_connection(("127.0.0.1", port)).close()
        self._thread.join(5)
        for listener in self._listeners:
            listener.close()


@pytest.fixture
def fake_board(monkeypatch: pytest.MonkeyPatch, cycles_session: Session) -> Iterator[FakeBoard]:
    board = FakeBoard(cycles_session)
    monkeypatch.setenv("FAKE_FLASHER_START", str(board.start_port))
    yield board
    board.close()


@pytest.fixture
def device(
    tool: Callable[[str], Path], fake_board: FakeBoard, tmp_path: Path
) -> Iterator[Callable[[], CommandBoard]]:
    """Program the board with a small image and return it."""
    tool("rfp-cli")
    source, elf = tmp_path / "image.c", tmp_path / "image.elf"
    source.write_text("const int answer = 42; int main(void) { return answer; }\n")
    compiler = find_toolchain("rx").cc
    subprocess.run([compiler, "-nostdlib", "-Wl,-e,_main", source, "-o", elf], check=True)
    physical = PhysicalBoard(
        name="desk",
        type="rx65n",
        probe="OBE110008",
        port=f"socket://127.0.0.1:{fake_board.console_port}",
        flasher="rfp-cli",
        clock_hz=120,
    )
    board = Board(
        name="rx65n",
        kind="rx",
        runtime="tinyquant",
        target=Target.HARDWARE,
        description="",
        metrics=("error",),
        chip="rx65n",
    )
    command_board = CommandBoard(board, physical, timeout=20, idle_timeout=0.5)

    def flashed() -> CommandBoard:
        command_board.flash(SimpleNamespace(elf=elf, image_id="0123456789abcdef"))
        return command_board

    yield flashed
    command_board.close()


def test_a_run_is_heard_from_its_first_line(
    device: Callable[[], CommandBoard], fake_board: FakeBoard
) -> None:
    board = device()
    record = board.run()
    assert (record.outputs, record.counter, record.counter_class) == ((b"\n",), 1000, "measured")
    assert fake_board.starts == 1, "programming started the first run"
    # What an earlier program said is in the log if it arrived that late.
    assert dataclasses.replace(record, log="") == dataclasses.replace(board.run(), log="")
    assert fake_board.starts == 2, "nothing but programming can reset this board"


def test_a_fault_is_decoded_without_a_debugger(
    device: Callable[[], CommandBoard], fake_board: FakeBoard
) -> None:
    fake_board.says = fake_board.hello + encode(1, "FAULT", FAULT)
    with pytest.raises(DeviceHaltedError, match="undefined instruction"):
        device().run()


def test_silence_names_what_cannot_be_known(
    device: Callable[[], CommandBoard], fake_board: FakeBoard
) -> None:
    fake_board.says = b""
    with pytest.raises(ConsoleError, match="cannot be told apart: TXD is on another pin"):
        device().run()


def test_a_hang_names_what_cannot_be_known(
    device: Callable[[], CommandBoard], fake_board: FakeBoard
) -> None:
    fake_board.says = fake_board.hello
    with pytest.raises(DeviceTimeoutError, match=r"1 lines of results came before\. No debugger"):
        device().run()
