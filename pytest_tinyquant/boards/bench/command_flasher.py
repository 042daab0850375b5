"""Programs a board with a vendor's command-line tool.

Ready are Renesas Flash Programmer's ``rfp-cli`` and SEGGER's J-Link Commander, with the options and
exit codes of their manuals; any other tool is a command template in the board's row.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import time
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.errors import FlashError
from pytest_tinyquant.errors import ToolchainNotFoundError
from pytest_tinyquant.firmware.toolchain import Toolchain
from pytest_tinyquant.system.scratch import scratch_directory


#: Seconds that programming 2 MB may take; vendors' tools need about 15.
TIMEOUT: Final = 180.0

#: What a command template may hold in braces; ready configurations also have a ``{script}``.
PLACEHOLDERS: Final = ("elf", "mot", "serial")
_POLL_SECONDS = 0.05
_BRACES: Final = re.compile(r"\{[^{}]*\}?|\}")
_WORDS_SHOWN = 4


@dataclass(frozen=True)
class Flasher:
    """One way to program a board and to start what was programmed.

    :param command: program and arguments, with :data:`PLACEHOLDERS`.
    :param script: content of the file that ``{script}`` stands for.
    :param complaint: lines of the output that mean failure even if the exit code is 0.
    :param install: where to get the program.
    """

    command: tuple[str, ...]
    script: str = ""
    complaint: str = r"(?i)\berror\b|\bfailed\b"
    install: str = "correct 'flasher' in the board's row of boards.toml"


_NO_ID = "F" * 32

#: By the name that a row gives, then by the board type's ``chip``.
READY: Final = {
    "rfp-cli": {
        "rx65n": Flasher(
            # "-auto" erases, programs and verifies; exit code 1 means failure.
            (
                *("rfp-cli", "-device", "rx65x", "-tool", "e2l:{serial}", "-if", "fine"),
                *("-speed", "500K", "-auth", "id", _NO_ID, "-auto", "{mot}", "-run", "-noquery"),
            ),
            complaint=r"^Error\(E[0-9A-F]+\)|^Operation failed",
            install="install Renesas Flash Programmer from renesas.com and put rfp-cli on the PATH",
        )
    },
    "jlink": {
        "rx65n": Flasher(
            (
                *("JLinkExe", "-device", "R5F565NE", "-if", "FINE", "-speed", "1000"),
                *("-autoconnect", "1", "-ExitOnError", "1", "-NoGui", "1"),
                *("-SelectEmuBySN", "{serial}", "-CommandFile", "{script}"),
            ),
            script="r\nloadfile {mot}\nr\ng\nqc\n",
            complaint=r"(?i)^(cannot|could not|failed|error\b|\*\*\*+ error)|failed to ",
            install="install the J-Link software from segger.com and put JLinkExe on the PATH",
        )
    },
}


def find_flasher(name: str, chip: str, where: str) -> Flasher:
    """Return the flasher that a row names; a name with a blank in it is a command template.

    :param chip: directory of the firmware for the chip.
    :param where: the row, for messages.
    :raises ConfigurationError: there is none, or the template has an unknown placeholder.
    """
    if " " not in name:
        flasher = READY.get(name, {}).get(chip)
        if flasher is None:
            raise ConfigurationError(
                f"{where}: there is no ready configuration of {name} for {chip!r}; give the "
                "command itself, such as flasher = 'program --serial {serial} {mot}'"
            )
        return flasher
    try:
        command = tuple(shlex.split(name))
    except ValueError as error:
        raise ConfigurationError(f"{where}: flasher {name!r} is no command: {error}") from error
    if not command or not command[0]:
        raise ConfigurationError(f"{where}: flasher {name!r} names no program; correct it")
    for argument in command:
        for word in _BRACES.findall(argument):
            if word[1:-1] not in PLACEHOLDERS or word[-1] != "}":
                known = ", ".join(f"{{{name}}}" for name in PLACEHOLDERS)
                raise ConfigurationError(f"{where}: flasher has {word}; there are {known}")
    return Flasher(command)


def write_mot(elf: Path, directory: Path, toolchain: Toolchain) -> Path:
    """Write the image as Motorola S-records with 32-bit addresses; return the file.

    :raises FlashError: objcopy failed.
    """
    mot = directory / f"{elf.stem}.mot"
    command = [f"{toolchain.prefix}objcopy", "-O", "srec", "--srec-forceS3", str(elf), str(mot)]
    try:
        result = subprocess.run(
            command, capture_output=True, text=True, timeout=TIMEOUT, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise FlashError(
            f"{elf}: cannot be written as S-records: {error}; see whether {command[0]} is installed"
        ) from error
    if result.returncode:
        raise FlashError(
            f"{elf}: {command[0]} cannot write it as S-records: {result.stderr.strip()}; see "
            "whether it is of the toolchain that built the image"
        )
    return mot


def program(
    flasher: Flasher,
    *,
    elf: Path,
    mot: Path,
    serial: str,
    where: str,
    meanwhile: Callable[[float], object],
    timeout: float = TIMEOUT,
) -> None:
    """Program the image, verify it and start it.

    :param serial: serial number of the tool's probe.
    :param meanwhile: is called again and again with the seconds that it may take.
    :raises ToolchainNotFoundError: the tool is not installed.
    :raises FlashError: it failed or took too long, with its own words.
    :raises ConfigurationError: it needs a serial number and the row has none.
    """
    with scratch_directory() as directory:
        values = {"elf": str(elf), "mot": str(mot), "serial": serial}
        values["script"] = str(Path(directory) / "script")
        if not serial and any("{serial}" in argument for argument in flasher.command):
            raise ConfigurationError(
                f"{where}: its flasher picks the probe by serial number; set 'probe' in the row"
            )
        Path(values["script"]).write_text(_filled(flasher.script, values))
        command = [_filled(argument, values) for argument in flasher.command]
        found = shutil.which(command[0])
        if found is None:
            raise ToolchainNotFoundError(
                f"{where}: {command[0]} is not installed or not on the PATH; {flasher.install}"
            )
        output = Path(directory) / "output"
        status = _run([found, *command[1:]], output, meanwhile, timeout)
        words = output.read_text(errors="replace")
    _judge(status, words, flasher, f"{where}: {command[0]}", timeout)


def _filled(text: str, values: Mapping[str, str]) -> str:
    """Return a command's word with its placeholders filled in; nothing else in it has a meaning."""
    return _BRACES.sub(lambda found: values.get(found[0][1:-1], found[0]), text)


def _run(
    command: Sequence[str], output: Path, meanwhile: Callable[[float], object], timeout: float
) -> int | None:
    """Run the tool; return its exit code, None if it had to be killed."""
    deadline = time.monotonic() + timeout
    with output.open("wb") as stream:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            env={**os.environ, "LC_ALL": "C"},
        )
        try:
            while process.poll() is None:
                if time.monotonic() > deadline:
                    return None
                meanwhile(_POLL_SECONDS)
            return process.returncode
        finally:
            process.kill()
            process.wait()


def _judge(status: int | None, words: str, flasher: Flasher, who: str, timeout: float) -> None:
    """Raise FlashError unless the tool succeeded by its exit code and by what it said."""
    lines = [line.strip() for line in words.splitlines() if line.strip()]
    complaints = [line for line in lines if re.search(flasher.complaint, line)]
    if status == 0 and not complaints:
        return
    said = "\n".join(f"  {line}" for line in (complaints or lines)[-_WORDS_SHOWN:])
    if status is None:
        what = f"did not finish in {timeout:g} s and was stopped"
    else:
        what = f"failed (exit code {status})"
    raise FlashError(
        f"{who} {what}; check the probe, its cable and the board's power"
        + (f". It said:\n{said}" if said else "; it said nothing")
    )
