"""A farm on the loopback interface: labgrid's coordinator and exporter, `pyocd server`, ser2net.

Only the boards are emulators. It needs programs that CI does not install: labgrid's client
(``tinyquant toolchain labgrid``) and ser2net, so it runs in the nightly profile.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from attack import NIGHTLY

from pytest_tinyquant.boards.emulator.qemu import Qemu
from pytest_tinyquant.boards.farm.client import VARIABLE
from pytest_tinyquant.boards.farm.client import Client
from pytest_tinyquant.boards.farm.client import find_program
from pytest_tinyquant.boards.farm.place import places_with
from pytest_tinyquant.errors import BenchError
from pytest_tinyquant.errors import ToolchainNotFoundError


pytestmark = pytest.mark.skipif(not NIGHTLY, reason="only in the nightly profile")

BOARD = 'base = "nucleo-l4r5zi"\nchip = "mps2-an386"\npyocd_target = "tinyquant_mps2_an386"\n'
ROW = '[[bench]]\nname = "farm-{n}"\ntype = "bench-m4"\nlabgrid = {{board = "m4"}}\n'
HARDWARE = ("--board=bench-m4", "--tq-target=hardware", "--scheme=int8-only,int8")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    return port


def until(condition: Callable[[], Any], what: str, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Farm:
    """Two boards behind a coordinator; each part can be ended by its name."""

    def __init__(self, directory: Path, start: Callable[..., subprocess.Popen[Any]]) -> None:
        self._directory = directory
        self._start = start
        self.python = str(Path(find_program()).resolve().parent / "python")
        self.port = free_port()
        self.parts: dict[str, subprocess.Popen[Any]] = {}
        self.machines = [Qemu("qemu-system-arm", "mps2-an386") for _ in range(2)]

    def part(self, name: str, *command: str) -> None:
        log = (self._directory / f"{name}.log").open("wb")
        environment = {**os.environ, "LG_COORDINATOR": f"127.0.0.1:{self.port}"}
        environment.pop("PYTHONPATH", None)
        self.parts[name] = self._start(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment
        )

    def labgrid(self, module: str, *arguments: str) -> None:
        self.part(module, self.python, "-m", f"labgrid.remote.{module}", *arguments)

    def begin(self) -> None:
        """Start every part and make one place of each board."""
        self.labgrid("coordinator", "-l", f"127.0.0.1:{self.port}")
        ports = [(free_port(), free_port()) for _ in self.machines]
        serial, exports = "%YAML 1.1\n---\n", ""
        for n, (machine, (probe, console)) in enumerate(zip(self.machines, ports, strict=True)):
            self.part(
                f"pyocd{n}",
                *(sys.executable, "-m", "pyocd", "server", "-p", str(probe), "--no-wait"),
                *("-u", f"tqqemu:127.0.0.1:{machine.gdb_port}"),
            )
            serial += (
                f"connection: &c{n}\n  accepter: telnet(rfc2217),tcp,127.0.0.1,{console}\n"
                f"  connector: serialdev,{machine.console_url},115200n81,local\n"
            )
            exports += (
                f"bench-{n}:\n  NetworkSerialPort:\n    host: 127.0.0.1\n    port: {console}\n"
                f"    protocol: rfc2217\n  NetworkService:\n    address: 127.0.0.1\n"
                f"    username: pyocd\n    port: {probe}\n"
            )
        (self._directory / "ser2net.yaml").write_text(serial)
        (self._directory / "exporter.yaml").write_text(exports)
        self.part("ser2net", "ser2net", "-n", "-d", "-c", str(self._directory / "ser2net.yaml"))
        until(lambda: answers(self.port), "the coordinator listens")
        self.export()
        client = Client("setup")
        for n in range(len(self.machines)):
            client.call("-p", f"p{n}", "create")
            client.call("-p", f"p{n}", "add-match", f"exporter/bench-{n}/*")
            client.call("-p", f"p{n}", "set-tags", "board=m4")
        until(lambda: all(answers(port) for pair in ports for port in pair), "boards listen")

    def export(self) -> None:
        """Start the exporter, and wait until the coordinator has its resources."""
        file = str(self._directory / "exporter.yaml")
        self.labgrid("exporter", "-n", "exporter", file)
        client = Client("setup")
        until(lambda: client.call("resources").count("bench-") == 4, "resources are there")

    def held(self) -> list[str]:
        """Return who holds places."""
        return [line for line in Client("setup").call("who").splitlines()[1:] if line.strip()]


@pytest.fixture
def farm(
    tmp_path: Path,
    start_process: Callable[..., subprocess.Popen[Any]],
    cache_root: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Farm]:
    monkeypatch.setenv("TINYQUANT_CACHE", str(cache_root))
    try:
        monkeypatch.setenv(VARIABLE, find_program())
    except ToolchainNotFoundError as error:
        pytest.skip(str(error))
    if shutil.which("ser2net") is None:
        pytest.skip("ser2net is not installed: apt-get install ser2net")
    made = Farm(tmp_path, start_process)
    monkeypatch.setenv("LG_COORDINATOR", f"127.0.0.1:{made.port}")
    made.begin()
    yield made
    for machine in made.machines:
        machine.close()


@pytest.fixture
def project(real_project: Any, farm: Farm) -> Any:
    """Two models on a bench of two rows, whose places labgrid hands out."""
    real_project.add_zoo("fc_1", "fc_2")
    rows = "".join(ROW.format(n=n) for n in (1, 2))
    (real_project.root / "boards.toml").write_text(f"[bench-m4]\n{BOARD}{rows}")
    return real_project


def run(project: Any, start: Callable[..., subprocess.Popen[Any]], *more: str) -> Any:
    command = (sys.executable, "-m", "pytest", "-p", "no:hypothesispytest", *HARDWARE, *more)
    return start(
        command,
        cwd=project.root,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_boards_of_a_farm_count_as_those_on_the_desk(
    project: Any, farm: Farm, start_process: Callable[..., subprocess.Popen[Any]]
) -> None:
    first = project.run(*HARDWARE, "--tq-missing-baseline=record")
    first.assert_outcomes(passed=16)
    assert farm.held() == []
    # Two runs of four workers share the two places; both finish, with the same counts.
    runs = [run(project, start_process, "-n4", "-p", "no:cacheprovider") for _ in range(2)]
    for output in [process.communicate()[0] for process in runs]:
        assert "= tinyquant: 16 ok =" in output, output
    assert farm.held() == []


def test_a_killed_run_leaves_its_place_to_the_next(
    project: Any, farm: Farm, start_process: Callable[..., subprocess.Popen[Any]]
) -> None:
    project.run(*HARDWARE, "--tq-missing-baseline=record").assert_outcomes(passed=16)
    for _ in range(5):
        killed = run(project, start_process, "--tq-lease-timeout=60")
        until(farm.held, "the run holds a place")
        killed.kill()
        killed.wait()
    result = project.run(*HARDWARE, "--tq-lease-timeout=60")
    result.assert_outcomes(passed=16)
    assert farm.held() == []


def test_trouble_of_a_farm_is_an_error_that_says_what_to_do(project: Any, farm: Farm) -> None:
    one = ("--model=fc_1", "-k", "test_error and int8-only")
    project.run(*HARDWARE, *one, "--tq-missing-baseline=record").assert_outcomes(passed=1)
    client = Client("somebody")
    for n in (0, 1):  # taken by hand
        client.call("-p", f"p{n}", "acquire")
    result = project.run(*HARDWARE, *one, "--tq-lease-timeout=3")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*BoardBusyError: *no place with board=m4 was free for*who*"])
    for n in (0, 1):
        client.call("-p", f"p{n}", "release")
    farm.parts["exporter"].kill()
    farm.parts["exporter"].wait()
    result = project.run(*HARDWARE, *one, "--tq-lease-timeout=20")
    result.assert_outcomes(errors=1)
    farm.export()
    project.run(*HARDWARE, *one).assert_outcomes(passed=1)
    farm.parts["pyocd0"].kill()
    farm.parts["pyocd1"].kill()
    result = project.run(*HARDWARE, *one)
    result.assert_outcomes(errors=1)
    assert farm.held() == []
    farm.parts["coordinator"].kill()
    farm.parts["coordinator"].wait()
    result = project.run(*HARDWARE, *one)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*FarmError: *labgrid-client * (at 127.0.0.1:*"])
    with pytest.raises(BenchError, match="labgrid-client"):
        places_with(Client("somebody"), (("board", "m4"),))
