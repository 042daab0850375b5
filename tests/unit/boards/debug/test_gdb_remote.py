"""The remote serial protocol client, against a stub that follows a script."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from collections.abc import Iterator

import pytest

from pytest_tinyquant.boards.debug.gdb_remote import POINT_BREAK
from pytest_tinyquant.boards.debug.gdb_remote import GdbDisconnectedError
from pytest_tinyquant.boards.debug.gdb_remote import GdbRemote
from pytest_tinyquant.boards.debug.gdb_remote import GdbRemoteError


GREETING = {"qSupported": [b"PacketSize=60;other+"], "?": [b"T02thread:01;"]}


def packet(payload: bytes) -> bytes:
    return b"$" + payload + b"#%02x" % (sum(payload) & 0xFF)


class Stub:
    """Answers packets from a table and keeps what it was asked.

    ``answers`` maps a packet to the packets sent in return, ``raw`` to bytes sent as they are.
    """

    def __init__(self, connection: socket.socket) -> None:
        self.answers: dict[str, list[bytes]] = {
            "qXfer:features:read:target.xml:0,40": [b"l<target/>"],
            **GREETING,
        }
        self.raw: dict[str, bytes] = {}
        self.asked: list[str] = []
        self.refused = 0
        self.interrupted = b"T02thread:01;"
        self._connection = connection
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        # Closing it would leave the thread where it waits for what comes.
        self._connection.shutdown(socket.SHUT_RDWR)
        self._thread.join(10)
        assert not self._thread.is_alive()
        self._connection.close()

    def _serve(self) -> None:
        buffer = b""
        while data := self._receive():
            buffer += data
            while buffer:
                if buffer[:1] != b"$":
                    self._byte(buffer[:1])
                    buffer = buffer[1:]
                elif b"#" in buffer and len(buffer) >= buffer.index(b"#") + 3:
                    end = buffer.index(b"#")
                    self._packet(buffer[1:end].decode())
                    buffer = buffer[end + 3 :]
                else:
                    break

    def _receive(self) -> bytes:
        try:
            return self._connection.recv(4096)
        except OSError:
            return b""

    def _byte(self, byte: bytes) -> None:
        if byte == b"\x03":
            self._connection.sendall(packet(self.interrupted))
        if byte == b"-":
            self.refused += 1
            self._connection.sendall(packet(b"PacketSize=60"))

    def _packet(self, payload: str) -> None:
        self.asked.append(payload)
        if payload == "die":
            self._connection.shutdown(socket.SHUT_RDWR)
            return
        self._connection.sendall(b"+" + self.raw.get(payload, b""))
        for answer in self.answers.get(payload, [] if payload in ("c", "s") else [b""]):
            self._connection.sendall(packet(answer))


@pytest.fixture
def stub_and_socket() -> Iterator[tuple[Stub, socket.socket]]:
    ours, theirs = socket.socketpair()
    stub = Stub(theirs)
    yield stub, ours
    ours.close()
    stub.stop()


@pytest.fixture
def stub(stub_and_socket: tuple[Stub, socket.socket]) -> Stub:
    return stub_and_socket[0]


@pytest.fixture
def connect(stub_and_socket: tuple[Stub, socket.socket]) -> Callable[[], GdbRemote]:
    def connect() -> GdbRemote:
        stub_and_socket[0].start()
        return GdbRemote(stub_and_socket[1], timeout=5)

    return connect


def test_asks_for_the_target_description_first(
    stub: Stub, connect: Callable[[], GdbRemote]
) -> None:
    remote = connect()
    assert stub.asked == ["qSupported", "qXfer:features:read:target.xml:0,40", "?"]
    assert not remote.was_running
    assert remote.last_stop == b"T02thread:01;"


def test_notices_that_it_stopped_a_running_machine(
    stub: Stub, connect: Callable[[], GdbRemote]
) -> None:
    stub.answers["qSupported"] = [b"T02thread:01;", b"PacketSize=60"]
    assert connect().was_running


def test_asks_again_for_a_damaged_packet(stub: Stub, connect: Callable[[], GdbRemote]) -> None:
    stub.answers["qSupported"] = []
    stub.raw["qSupported"] = b"$PacketSize=6x#00"
    connect()
    assert stub.refused == 1


def test_splits_memory_by_packet_size(stub: Stub, connect: Callable[[], GdbRemote]) -> None:
    stub.answers |= {"m1000,20": [b"11" * 32], "m1020,8": [b"22" * 8]}
    stub.answers |= {f"M1000,20:{'33' * 32}": [b"OK"], "M1020,1:44": [b"OK"]}
    remote = connect()
    assert remote.read(0x1000, 40) == b"\x11" * 32 + b"\x22" * 8
    remote.write(0x1000, b"\x33" * 32 + b"\x44")
    assert stub.asked[-2:] == [f"M1000,20:{'33' * 32}", "M1020,1:44"]


def test_refuses_memory_that_is_not_there(stub: Stub, connect: Callable[[], GdbRemote]) -> None:
    stub.answers |= {"m9000,4": [b"E14"], "M9000,1:00": [b"E14"]}
    remote = connect()
    with pytest.raises(GdbRemoteError, match=r"0x00009000 cannot be read.*E14"):
        remote.read(0x9000, 4)
    with pytest.raises(GdbRemoteError, match=r"refused 'M9000,1:00'.*E14"):
        remote.write(0x9000, b"\0")


def test_registers_are_little_endian(stub: Stub, connect: Callable[[], GdbRemote]) -> None:
    stub.answers |= {"pf": [b"78563412"], "P1a=0100000000000000": [b"OK"], "p63": [b""]}
    remote = connect()
    assert remote.register(15) == 0x12345678
    remote.set_register(26, 1, size=8)
    stub.answers["p63"] = [b"E00x"]
    with pytest.raises(GdbRemoteError, match="register 99"):
        remote.register(99)


def test_stops_the_machine_for_a_while(stub: Stub, connect: Callable[[], GdbRemote]) -> None:
    remote = connect()
    remote.resume()
    assert remote.running
    assert remote.poll() is None
    with remote.paused():
        assert not remote.running
    assert remote.running
    assert stub.asked.count("c") == 2


def test_leaves_a_machine_stopped_that_stopped_on_its_own(
    stub: Stub, connect: Callable[[], GdbRemote]
) -> None:
    stub.answers["c"] = [b"T05thread:01;"]
    stub.answers["Z1,100,2"] = [b"OK"]
    remote = connect()
    remote.point(POINT_BREAK, 0x100, 2, enabled=True)
    remote.resume()
    assert remote.poll(5) == b"T05thread:01;"
    with remote.paused():
        pass
    assert not remote.running


def test_leaves_a_machine_stopped_that_reaches_a_breakpoint_meanwhile(
    stub: Stub, connect: Callable[[], GdbRemote]
) -> None:
    stub.interrupted = b"T05thread:01;"
    remote = connect()
    remote.resume()
    with remote.paused():
        pass
    assert not remote.running
    assert remote.last_stop == b"T05thread:01;"


def test_collects_the_output_of_monitor_commands(
    stub: Stub, connect: Callable[[], GdbRemote]
) -> None:
    stub.answers[f"qRcmd,{b'info'.hex()}"] = [
        b"O" + b"VM ".hex().encode(),
        b"O" + b"up".hex().encode(),
        b"OK",
    ]
    assert connect().monitor("info") == "VM up"


def test_tells_a_stub_that_ended_from_one_that_is_silent(
    stub: Stub, connect: Callable[[], GdbRemote]
) -> None:
    remote = connect()
    with pytest.raises(GdbDisconnectedError, match="its program ended"):
        remote.command("die")


def test_says_when_a_stub_does_not_answer() -> None:
    ours, theirs = socket.socketpair()
    with theirs, pytest.raises(GdbRemoteError, match=r"did not answer 'qSupported' in 0.01 s"):
        GdbRemote(ours, timeout=0.01)
    assert ours.fileno() == -1


def test_says_when_nothing_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(GdbRemoteError, match=f"no gdb stub at 127.0.0.1:{port}"):
        GdbRemote.connect("127.0.0.1", port)
