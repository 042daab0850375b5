"""A farm of emulated boards: labgrid's coordinator and exporters, `pyocd server`, ser2net.

Its hosts are this computer, or network namespaces of it.
"""

from __future__ import annotations

import contextlib
import ctypes
import dataclasses
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pytest_tinyquant.boards.emulator.qemu import Qemu
from pytest_tinyquant.boards.farm.client import Client
from pytest_tinyquant.boards.farm.client import find_program


_CLONE_NEWNET = 0x40000000

# What a project says about such a farm: its type of board, a row for a place, a run's options.
TYPE = (
    '[bench-m4]\nbase = "nucleo-l4r5zi"\nchip = "mps2-an386"\n'
    'pyocd_target = "tinyquant_mps2_an386"\n'
)
ROW = '[[bench]]\nname = "farm-{n}"\ntype = "bench-m4"\nlabgrid = {{board = "m4"}}\n'
HARDWARE = ("--board=bench-m4", "--tq-target=hardware", "--scheme=int8-only,int8")


@dataclasses.dataclass(frozen=True)
class Host:
    """A computer with boards.

    :param namespace: the network namespace that it is; empty for this computer.
    :param link: this computer's end of the cable to it.
    """

    name: str
    address: str
    boards: int
    namespace: str = ""
    link: str = ""

    @property
    def prefix(self) -> tuple[str, ...]:
        """What a command begins with that runs there."""
        return ("ip", "netns", "exec", self.namespace) if self.namespace else ()

    @contextlib.contextmanager
    def entered(self) -> Iterator[None]:
        """Make this thread's sockets on that host."""
        if not self.namespace:
            yield
            return
        libc = ctypes.CDLL(None, use_errno=True)
        with open("/proc/self/ns/net") as home, open(f"/run/netns/{self.namespace}") as there:
            assert libc.setns(there.fileno(), _CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())
            try:
                yield
            finally:
                assert libc.setns(home.fileno(), _CLONE_NEWNET) == 0


THIS_COMPUTER = Host("exporter", "127.0.0.1", 2)


@contextlib.contextmanager
def namespaces(*boards: int) -> Iterator[tuple[str, list[Host]]]:
    """Make hosts with so many boards each, on one bridge.

    :returns: the address of this computer on it, and the hosts.
    """
    tag = f"tq{os.getpid() % 100000}"
    net = f"10.{os.getpid() % 200 + 20}.77"
    with contextlib.ExitStack() as made:

        def ip(*words: str, undo: tuple[str, ...] = ()) -> None:
            subprocess.run(["ip", *words], check=True, capture_output=True, timeout=60)
            if undo:
                made.callback(subprocess.run, ["ip", *undo], check=False, timeout=60)

        ip("link", "add", tag, "type", "bridge", undo=("link", "del", tag))
        ip("addr", "add", f"{net}.1/24", "dev", tag)
        ip("link", "set", tag, "up")
        hosts = []
        for n, count in enumerate(boards):
            host = Host(f"host{n}", f"{net}.{n + 2}", count, f"{tag}n{n}", f"{tag}v{n}")
            there = ("-n", host.namespace)
            ip("netns", "add", host.namespace, undo=("netns", "del", host.namespace))
            peer = ("type", "veth", "peer", "eth0", "netns", host.namespace)
            ip("link", "add", host.link, *peer, undo=("link", "del", host.link))
            ip("link", "set", host.link, "master", tag, "up")
            ip(*there, "addr", "add", f"{host.address}/24", "dev", "eth0")
            ip(*there, "link", "set", "eth0", "up")
            ip(*there, "link", "set", "lo", "up")
            hosts.append(host)
        yield f"{net}.1", hosts


def cannot_make_namespaces() -> str:
    """Return why there can be no network namespaces here; empty if there can."""
    if shutil.which("ip") is None:
        return "the program ip is not installed: apt-get install iproute2"
    name = f"tq{os.getpid()}probe"
    done = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True, check=False)
    if done.returncode:
        return f"no network namespaces here: {done.stderr.strip()}"
    subprocess.run(["ip", "netns", "del", name], check=False)
    return ""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    return port


def until(condition: Callable[[], Any], what: str, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def answers(address: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(5)
        return probe.connect_ex((address, port)) == 0


class Farm:
    """Boards of several hosts behind a coordinator; each part can be ended by its name."""

    def __init__(
        self,
        directory: Path,
        *,
        address: str = "127.0.0.1",
        hosts: tuple[Host, ...] = (THIS_COMPUTER,),
        power: str = "",
    ) -> None:
        self._directory = directory
        self.hosts = hosts
        self._power = power
        self.python = str(Path(find_program()).resolve().parent / "python")
        self.coordinator = f"{address}:{free_port()}"
        self.parts: dict[str, subprocess.Popen[Any]] = {}
        self.machines: list[Qemu] = []

    def part(self, name: str, *command: str) -> None:
        log = (self._directory / f"{name}.log").open("wb")
        environment = {**os.environ, "LG_COORDINATOR": self.coordinator}
        environment.pop("PYTHONPATH", None)
        with log:
            self.parts[name] = subprocess.Popen(
                command,
                cwd=self._directory,  # where the coordinator keeps its places
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment,
            )

    def begin(self) -> None:
        """Start every part and make one place of each board."""
        module = ("-m", "labgrid.remote.coordinator", "-l", self.coordinator)
        self.part("coordinator", self.python, *module)
        address, _, port = self.coordinator.partition(":")
        until(lambda: answers(address, int(port)), "the coordinator listens")
        listening = [there for host in self.hosts for there in self._serve(host)]
        self.export()
        client = Client("setup")
        for host in self.hosts:
            for n in range(host.boards):
                client.call("-p", f"{host.name}-p{n}", "create")
                client.call("-p", f"{host.name}-p{n}", "add-match", f"{host.name}/bench-{n}/*")
                client.call("-p", f"{host.name}-p{n}", "set-tags", "board=m4")
        until(lambda: all(answers(*there) for there in listening), "boards listen")

    def _serve(self, host: Host) -> Iterator[tuple[str, int]]:
        """Start a host's boards with their servers; yield where those will listen."""
        serial, exports = "%YAML 1.1\n---\n", ""
        for n in range(host.boards):
            with host.entered():
                machine = Qemu("qemu-system-arm", "mps2-an386")
                probe, console = free_port(), free_port()
            self.machines.append(machine)
            remote = ("--allow-remote",) if host.namespace else ()
            self.part(
                f"{host.name}-pyocd{n}",
                *(*host.prefix, sys.executable, "-m", "pyocd", "server", "-p", str(probe)),
                *("--no-wait", *remote, "-u", f"tqqemu:127.0.0.1:{machine.gdb_port}"),
            )
            serial += (
                f"connection: &c{n}\n  accepter: telnet(rfc2217),tcp,{host.address},{console}\n"
                f"  connector: serialdev,{machine.console_url},115200n81,local\n"
            )
            exports += (
                f"bench-{n}:\n  NetworkSerialPort:\n    host: {host.address}\n"
                f"    port: {console}\n    protocol: rfc2217\n  NetworkService:\n"
                f"    address: {host.address}\n    username: pyocd\n    port: {probe}\n"
            )
            if self._power:
                exports += (
                    f"  NetworkPowerPort:\n    model: simplerest\n"
                    f"    host: '{self._power}'\n    index: {n}\n"
                )
            yield from ((host.address, probe), (host.address, console))
        file = self._directory / f"{host.name}-ser2net.yaml"
        file.write_text(serial)
        (self._directory / f"{host.name}.yaml").write_text(exports)
        self.part(f"{host.name}-ser2net", *host.prefix, "ser2net", "-n", "-d", "-c", str(file))

    def export(self) -> None:
        """Start the exporters that do not run; wait until the coordinator has their resources."""
        for host in self.hosts:
            running = self.parts.get(host.name)
            if running is not None and running.poll() is None:
                continue
            file = str(self._directory / f"{host.name}.yaml")
            module = ("-m", "labgrid.remote.exporter", "-n", host.name, file)
            self.part(host.name, *host.prefix, self.python, *module)
        each = 3 if self._power else 2
        count = each * sum(host.boards for host in self.hosts)
        client = Client("setup")
        until(lambda: client.call("resources").count("bench-") == count, "resources are there")

    def held(self) -> list[str]:
        """Return who holds places."""
        return [line for line in Client("setup").call("who").splitlines()[1:] if line.strip()]

    def close(self) -> None:
        """End everything."""
        for part in self.parts.values():
            part.kill()
        for part in self.parts.values():
            part.wait()
        for machine in self.machines:
            machine.close()


def main() -> None:
    """Keep a farm of two hosts with three boards until standard input ends, or SIGTERM comes."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # else its namespaces would stay
    with namespaces(2, 1) as (address, hosts), tempfile.TemporaryDirectory() as directory:
        farm = Farm(Path(directory), address=address, hosts=tuple(hosts))
        os.environ["LG_COORDINATOR"] = farm.coordinator
        with contextlib.closing(farm):
            farm.begin()
            print(f"export LG_COORDINATOR={farm.coordinator}", flush=True)
            sys.stdin.read()


if __name__ == "__main__":
    main()
