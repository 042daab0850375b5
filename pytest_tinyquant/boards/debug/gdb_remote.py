"""Client of the GDB remote serial protocol, as far as QEMU's gdb stub needs it.

The packet format and the commands are those of the GDB manual, appendix "GDB Remote Serial
Protocol". Two habits of QEMU shape this client: connecting stops the machine, and any byte sent
while the machine runs stops it too.
"""

from __future__ import annotations

import contextlib
import select
import socket
import time
from collections.abc import Iterator

from pytest_tinyquant.errors import BenchError


POINT_BREAK, POINT_WRITE, POINT_READ, POINT_ACCESS = 1, 2, 3, 4
"""Kinds of hardware points, the digit of the ``Z`` packet."""

_PACKET_OVERHEAD = 32


class GdbRemoteError(BenchError):
    """The gdb stub refused a command or does not answer."""


class GdbDisconnectedError(GdbRemoteError):
    """The gdb stub closed the connection: its program ended."""


_STEP, _MASKED_STEP = 1, 7
"""Flags of QEMU's single steps, which it keeps: one step, and without interrupts and timers."""


class GdbRemote:
    """A connection to a gdb stub.

    :param connection: connected socket; owned and closed by this object.
    :param timeout: seconds to wait for an answer.
    :raises GdbRemoteError: there is no gdb stub at the other end.
    """

    def __init__(self, connection: socket.socket, *, timeout: float = 10.0) -> None:
        self.running = False
        self.last_stop = b""
        self._socket = connection
        self._timeout = timeout
        self._buffer = b""
        self._step_flags = 0
        try:
            supported = self.command("qSupported")
            self.was_running = supported.startswith(b"T")
            while not supported.startswith(b"PacketSize"):
                supported = self._answer("qSupported")
            size = int(supported.split(b";")[0].partition(b"=")[2], 16)
            self._chunk = (size - _PACKET_OVERHEAD) // 2
            # QEMU answers register reads only after the target description was asked for.
            self.command(f"qXfer:features:read:target.xml:0,{size - _PACKET_OVERHEAD:x}")
            self.last_stop = self.command("?")
        except BaseException:
            self.close()
            raise

    @classmethod
    def connect(cls, host: str, port: int, *, timeout: float = 10.0) -> GdbRemote:
        """Connect to the stub that listens on ``host``:``port``."""
        try:
            connection = socket.create_connection((host, port), timeout)
        except OSError as error:
            raise GdbRemoteError(f"no gdb stub at {host}:{port}: {error}") from error
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return cls(connection, timeout=timeout)

    def close(self) -> None:
        """Close the connection; the machine keeps its state."""
        self._socket.close()

    def command(self, payload: str) -> bytes:
        """Send one packet and return the answer; the machine must be stopped."""
        assert not self.running, "a packet would stop the running machine"
        self._send(payload)
        return self._answer(payload)

    def resume(self) -> None:
        """Let the machine run."""
        self._run("c")

    def step(self, *, mask_interrupts: bool = True) -> bytes:
        """Execute one instruction and return the stop packet."""
        flags = _MASKED_STEP if mask_interrupts else _STEP
        if flags != self._step_flags:
            self._expect_ok(f"Qqemu.sstep={flags:x}")
            self._step_flags = flags
        self._run("s")
        return self._stopped_by("step")

    def poll(self, timeout: float = 0.0) -> bytes | None:
        """Return the stop packet, or None while the machine still runs after ``timeout``.

        :raises GdbDisconnectedError: the stub is gone.
        """
        if not self.running:
            self._fill(0)
            return self.last_stop
        packet = self._receive(timeout)
        if packet is None:
            return None
        self.running = False
        self.last_stop = packet
        return packet

    def interrupt(self) -> bytes:
        """Stop the machine and return the stop packet; ``T02`` if it was this that stopped it."""
        if self.running:
            self._transmit(b"\x03")
            return self._stopped_by("interrupt")
        return self.last_stop

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Stop the machine, if it runs, for the length of a ``with`` block."""
        resume = self.running and self.interrupt().startswith(b"T02")
        try:
            yield
        finally:
            if resume:
                self.resume()

    def read(self, address: int, size: int) -> bytes:
        """Read ``size`` bytes of memory; raises :class:`GdbRemoteError` if none is there."""
        data = bytearray()
        while len(data) < size:
            count = min(size - len(data), self._chunk)
            answer = self.command(f"m{address + len(data):x},{count:x}")
            if len(answer) != 2 * count:
                raise GdbRemoteError(
                    f"memory at {address + len(data):#010x} cannot be read"
                    f" (gdb stub: {answer.decode(errors='replace')!r})"
                )
            data += bytes.fromhex(answer.decode())
        return bytes(data)

    def write(self, address: int, data: bytes) -> None:
        """Write ``data`` to memory; raises :class:`GdbRemoteError` if none is there."""
        for offset in range(0, len(data), self._chunk):
            chunk = data[offset : offset + self._chunk]
            self._expect_ok(f"M{address + offset:x},{len(chunk):x}:{chunk.hex()}")

    def read_word(self, address: int) -> int:
        """Read a little-endian 32-bit word."""
        return int.from_bytes(self.read(address, 4), "little")

    def register(self, number: int) -> int:
        """Read the register that the target description gives ``number``."""
        answer = self.command(f"p{number:x}")
        try:
            return int.from_bytes(bytes.fromhex(answer.decode()), "little")
        except ValueError:
            raise GdbRemoteError(f"register {number} cannot be read: {answer!r}") from None

    def set_register(self, number: int, value: int, *, size: int = 4) -> None:
        """Write a register of ``size`` bytes."""
        self._expect_ok(f"P{number:x}={value.to_bytes(size, 'little').hex()}")

    def point(self, kind: int, address: int, length: int, *, enabled: bool) -> None:
        """Set or remove a hardware breakpoint or watchpoint."""
        self._expect_ok(f"{'Z' if enabled else 'z'}{kind},{address:x},{length:x}")

    def physical_memory(self, *, enabled: bool) -> None:
        """Let memory packets bypass the core, so that writes reach peripherals (QEMU only)."""
        self._expect_ok(f"Qqemu.PhyMemMode:{int(enabled)}")

    def monitor(self, text: str) -> str:
        """Run a command of the stub's monitor, such as ``system_reset``; returns its output."""
        packet = f"qRcmd,{text.encode().hex()}"
        answer, output = self.command(packet), bytearray()
        while answer != b"OK":
            if not answer.startswith(b"O"):
                raise GdbRemoteError(f"monitor command {text!r} failed: {answer!r}")
            output += bytes.fromhex(answer[1:].decode())
            answer = self._answer(packet)
        return output.decode(errors="replace")

    def _expect_ok(self, payload: str) -> None:
        answer = self.command(payload)
        if answer != b"OK":
            raise GdbRemoteError(
                f"gdb stub refused {payload[:40]!r}: {answer.decode(errors='replace')!r}"
            )

    def _run(self, payload: str) -> None:
        assert not self.running, "the machine runs already"
        self._send(payload)
        self.running = True
        # Read the acknowledgement now, so that later only a stop wakes poll().
        deadline = time.monotonic() + self._timeout
        while b"+" not in self._buffer:
            if not self._fill(deadline - time.monotonic()):
                raise GdbRemoteError(f"gdb stub did not acknowledge {payload!r}")
        self._buffer = self._buffer.replace(b"+", b"", 1)

    def _stopped_by(self, what: str) -> bytes:
        packet = self.poll(self._timeout)
        if packet is None:
            raise GdbRemoteError(f"the machine did not stop on {what} in {self._timeout:g} s")
        return packet

    def _answer(self, payload: str) -> bytes:
        packet = self._receive(self._timeout)
        if packet is None:
            raise GdbRemoteError(f"gdb stub did not answer {payload[:40]!r} in {self._timeout:g} s")
        return packet

    def _send(self, payload: str) -> None:
        data = payload.encode("ascii")
        self._transmit(b"$" + data + b"#%02x" % (sum(data) & 0xFF))

    def _receive(self, timeout: float) -> bytes | None:
        """Return the next packet, or None if none came in time; damaged ones are asked again."""
        deadline = time.monotonic() + timeout
        while True:
            start = self._buffer.find(b"$")
            end = self._buffer.find(b"#", start)
            if start >= 0 and end >= 0 and len(self._buffer) >= end + 3:
                packet, check = self._buffer[start + 1 : end], self._buffer[end + 1 : end + 3]
                self._buffer = self._buffer[end + 3 :]
                good = b"%02x" % (sum(packet) & 0xFF) == check.lower()
                self._transmit(b"+" if good else b"-")
                if good:
                    return packet
            elif not self._fill(max(deadline - time.monotonic(), 0)):
                return None

    def _transmit(self, data: bytes) -> None:
        try:
            self._socket.sendall(data)
        except OSError as error:
            raise GdbDisconnectedError(f"the gdb stub is gone: {error}") from error

    def _fill(self, timeout: float) -> bool:
        if not select.select([self._socket], [], [], max(timeout, 0))[0]:
            return False
        try:
            data = self._socket.recv(65536)
        except OSError:
            data = b""
        if not data:
            self.running = False
            raise GdbDisconnectedError("the gdb stub closed the connection: its program ended")
        self._buffer += data
        return True
