"""Debug access to a core through pyOCD, which drives real probes and the emulator alike."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pytest_tinyquant.boards.debug.errors import DebuggerError
from pytest_tinyquant.boards.debug.errors import no_register
from pytest_tinyquant.boards.debug.pyocd_session import captured_log
from pytest_tinyquant.boards.debug.pyocd_session import import_pyocd
from pytest_tinyquant.boards.debug.pyocd_session import open_session
from pytest_tinyquant.boards.debug.segments import loadable_segments
from pytest_tinyquant.boards.debug.segments import verify
from pytest_tinyquant.boards.device import State
from pytest_tinyquant.errors import FlashError


_THUMB = 1 << 24
_STATES: dict[str, State] = {"HALTED": "halted", "LOCKUP": "lockup"}


class PyocdDebugger:
    """A core behind a debug probe that pyOCD knows.

    :param unique_id: full unique id of the probe, with its type in front where pyOCD wants one.
    :param target: pyOCD's name of the target.
    :param options: further pyOCD session options, such as ``pack`` or ``connect_mode``.
    :raises BoardNotFoundError: not exactly one probe has this id.
    :raises ToolchainNotFoundError: pyOCD is not installed.

    Never waits for a probe and never asks: pyOCD's own helpers do both.
    """

    def __init__(
        self, unique_id: str, target: str, *, options: Mapping[str, Any] | None = None
    ) -> None:
        self._exceptions = import_pyocd()
        self._where = unique_id
        self._session: Any = None
        with self._errors():
            self._session = open_session(unique_id, target, options or {})
            self._core = self._session.target.selected_core

    def load(self, elf: Path) -> None:
        """Write the loadable segments, then verify them; leaves the core halted after reset.

        :raises FlashError: pyOCD reports trouble or the memory does not read back as written.
        """
        from pyocd.flash.file_programmer import FileProgrammer

        loadable_segments(elf)  # pyOCD's own errors about a damaged file are not typed
        with captured_log() as log:
            try:
                self.reset(halt=True)
                FileProgrammer(self._session).program(str(elf))
                warnings = [line for line in log if "pyocd.flash" in line]
            except self._exceptions.Error as error:
                raise FlashError(f"{self._where}: {elf} cannot be written: {error}") from error
        if warnings:
            raise FlashError(f"{self._where}: {elf} cannot be written: {'; '.join(warnings)}")
        verify(self.read, elf, self._where)
        self.reset(halt=True)

    def reset(self, *, halt: bool = False) -> None:
        """Reset the system and let it run, or hold it at the first instruction."""
        with self._errors():
            self._core.reset_and_halt() if halt else self._core.reset()

    def resume(self) -> None:
        """Let the core run."""
        with self._errors():
            self._core.resume()

    def start_at(self, sp: int, pc: int) -> None:
        """Let a halted core begin at ``pc`` with the stack at ``sp`` when it is resumed."""
        with self._errors():
            for name, value in (("sp", sp), ("pc", pc & ~1), ("xpsr", _THUMB)):
                self._core.write_core_register_raw(name, value)

    def halt(self) -> None:
        """Stop the core."""
        with self._errors():
            self._core.halt()

    def state(self) -> State:
        """Tell what the core does, without disturbing it."""
        try:
            with captured_log():
                name: str = self._core.get_state().name
        except self._exceptions.Error:
            return "gone"
        return _STATES.get(name, "running")

    def register(self, name: str) -> int:
        """Read a core register by its Arm name."""
        with self._errors():
            try:
                return int(self._core.read_core_register_raw(name))
            except KeyError as error:
                raise no_register(self._where, name) from error

    def read(self, address: int, size: int) -> bytes:
        """Read ``size`` bytes of memory."""
        with self._errors():
            # The core's own way asks for every byte whether a software breakpoint lies there, which
            # is a third of what a run costs; there are only hardware breakpoints here.
            return bytes(self._core.ap.read_memory_block8(address, size))

    def write(self, address: int, data: bytes) -> None:
        """Write ``data`` to memory."""
        with self._errors():
            self._core.write_memory_block8(address, data)

    def breakpoint(self, address: int, *, enabled: bool = True) -> None:
        """Set or remove a hardware breakpoint at once; pyOCD alone would wait for a resume."""
        with self._errors():
            if not enabled:
                self._core.remove_breakpoint(address)
            elif not self._core.set_breakpoint(address, self._core.BreakpointType.HW):
                raise DebuggerError(f"{self._where}: no hardware breakpoint is free")
            self._core.bp_manager.flush()

    def close(self) -> None:
        """End the debug session; the core keeps its state. May be called twice."""
        session, self._session = self._session, None
        if session is None:
            return
        # A target that died cannot be disconnected from, only the probe can be released.
        with contextlib.suppress(self._exceptions.Error), captured_log():
            session.close()
        with contextlib.suppress(self._exceptions.Error):
            session.probe.close()

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        with captured_log() as log:
            try:
                yield
            except self._exceptions.Error as error:
                said = "".join(f"\n  pyOCD: {line}" for line in log[-3:])
                raise DebuggerError(f"{self._where}: {error}{said}") from error
