"""Launcher of a QEMU machine with a serial console and a gdb stub.

There are no races for names or ports: the console is a pseudo terminal and the gdb port a
listening socket, both opened here and inherited by QEMU. The machine starts stopped (``-S``) and
without an image (``-kernel`` would restore that image at every reset); the debugger loads it.

Time in the machine is the number of executed instructions (``-icount``): with ``shift=N`` each
one takes 2^N ns. With 7, the 25 MHz timers of the Cortex-M machine tick 3.2 times per instruction,
and the count can be recovered from them exactly.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Sequence

from pytest_tinyquant.errors import ConsoleError
from pytest_tinyquant.errors import ToolchainNotFoundError
from pytest_tinyquant.system import environment
from pytest_tinyquant.system.lifetime import die_with_parent


QEMU_PACKAGES = {"qemu-system-arm": "qemu-system-arm", "qemu-system-rx": "qemu-system-misc"}
"""Debian package that holds each program."""


class EmulatorDiedError(ConsoleError):
    """QEMU ended on its own; ``lockup`` tells that the emulated core brought it down.

    :param lockup: the core faulted while it handled a fault.
    """

    def __init__(self, message: str, *, lockup: bool) -> None:
        super().__init__(message)
        self.lockup = lockup


class Qemu:
    """A running QEMU; ends with :meth:`close`, at exit or with this process.

    :param program: such as ``qemu-system-arm``.
    :param machine: QEMU's machine name, such as ``mps2-an386``.
    :param arguments: further command line arguments.
    :param icount_shift: how long an instruction takes in the machine, as a power of two ns.
    :param inherited: file descriptors that the arguments name.
    :raises ToolchainNotFoundError: QEMU is not installed.

    Where ``setpriv`` exists (Linux), the kernel kills QEMU when the thread that started it ends,
    whatever the reason; so start it from a thread that lives as long as QEMU is to live.
    """

    def __init__(
        self,
        program: str,
        machine: str,
        *,
        arguments: Sequence[str] = (),
        icount_shift: int = 7,
        inherited: Sequence[int] = (),
    ) -> None:
        self._program = program
        self.machine = machine
        command = [*die_with_parent(), find_qemu(program), "-M", machine, *_COMMON]
        command += ["-icount", f"shift={icount_shift},sleep=off", *arguments]
        with contextlib.ExitStack() as cleanup, contextlib.ExitStack() as handed_over:
            self._stderr = cleanup.enter_context(tempfile.TemporaryFile())
            master, console_end = os.openpty()
            cleanup.callback(os.close, console_end)
            handed_over.callback(os.close, master)
            listener = handed_over.enter_context(socket.create_server(("127.0.0.1", 0)))
            self.console_url = os.ttyname(console_end)
            self.gdb_port: int = listener.getsockname()[1]
            self._process = subprocess.Popen(
                [*command, *_console(master), *_gdb(listener.fileno())],
                pass_fds=[master, listener.fileno(), *inherited],
                stdin=subprocess.DEVNULL,
                stdout=self._stderr,
                stderr=self._stderr,
                env=environment.made(),
            )
            # Our end stays open as well, so that the console is there before its reader.
            self._cleanup = cleanup.pop_all()
        atexit.register(self.close)

    @property
    def pid(self) -> int:
        """Process id of QEMU."""
        return self._process.pid

    def alive(self) -> bool:
        """Tell whether QEMU still runs."""
        return self._process.poll() is None

    def ended(self, *, within: float) -> bool:
        """Tell whether QEMU ended, or ends in the next ``within`` seconds."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(within)
        return not self.alive()

    def death(self, where: str) -> EmulatorDiedError:
        """Describe why QEMU ended.

        :param where: the board, for the message.
        """
        code = self._process.poll()
        assert code is not None, "called after QEMU ended"
        how = f"ended with exit code {code}"
        if code < 0:
            how = f"was ended by {signal.Signals(-code).name}"
        lines = [line for line in self.messages().splitlines() if "warning: nic" not in line]
        said = next((line for line in lines if "fatal:" in line), lines[0] if lines else "")
        return EmulatorDiedError(
            f"{where}: {self._program} {how}" + (f"\n  it said: {said}" if said else ""),
            lockup="Lockup" in said,
        )

    def messages(self) -> str:
        """Return what QEMU printed."""
        self._stderr.seek(0)
        return self._stderr.read().decode(errors="replace")

    def close(self) -> None:
        """End QEMU; may be called twice."""
        atexit.unregister(self.close)
        self._process.kill()
        self._process.wait()
        self._cleanup.close()


def find_qemu(program: str) -> str:
    """Return the path of a QEMU program; raises :class:`ToolchainNotFoundError`."""
    path = shutil.which(program)
    if path is None:
        package = QEMU_PACKAGES.get(program, "qemu-system")
        raise ToolchainNotFoundError(
            f"{program} is not installed; install it with: apt-get install {package}"
        )
    return path


@functools.cache
def machines_of(program: str) -> tuple[str, ...]:
    """Return the machines that an installed QEMU emulates.

    :raises ToolchainNotFoundError: it is not installed, or does not say.
    """
    try:
        done = subprocess.run(
            [find_qemu(program), "-M", "help"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env=environment.made(),
            timeout=_HELP_SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise ToolchainNotFoundError(f"{program} does not list its machines: {error}") from error
    lines = done.stdout.decode("ascii", errors="replace").splitlines()[1:]
    return tuple(line.split()[0] for line in lines if line.split())


def check_machine(program: str, machine: str, where: str) -> None:
    """Check that the installed QEMU emulates a machine.

    :param where: the board, for messages.
    :raises ToolchainNotFoundError: it does not.
    """
    if machine not in machines_of(program):
        raise ToolchainNotFoundError(
            f"{where}: the installed {program} ({find_qemu(program)}) has no machine {machine!r}; "
            "install QEMU 7.2 or newer, or take another core"
        )


_HELP_SECONDS = 30.0
_COMMON = (
    *("-nodefaults", "-nic", "none", "-display", "none", "-monitor", "none"),
    "-S",
)


def _console(fd: int) -> list[str]:
    device = "serial,id=console,path=/dev/fdset/1"
    return ["-add-fd", f"fd={fd},set=1", "-chardev", device, "-serial", "chardev:console"]


def _gdb(fd: int) -> list[str]:
    device = f"socket,id=gdb,fd={fd},server=on,wait=off,nodelay=on"
    return ["-chardev", device, "-gdb", "chardev:gdb"]
