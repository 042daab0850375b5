"""Runs an image on the GNU simulator of the RX600, which counts cycles by a model of the core."""

from __future__ import annotations

import subprocess
from pathlib import Path

from pytest_tinyquant.boards.console.protocol import Decoder
from pytest_tinyquant.boards.device import LoadableImage
from pytest_tinyquant.boards.device import RunRecord
from pytest_tinyquant.boards.run_record import check_image
from pytest_tinyquant.boards.run_record import run_record
from pytest_tinyquant.errors import EstimateError
from pytest_tinyquant.errors import InvalidOutputError
from pytest_tinyquant.errors import located
from pytest_tinyquant.system import environment
from pytest_tinyquant.system.lifetime import die_with_parent
from pytest_tinyquant.system.trouble import refuse_trouble


MACHINE = "rx-sim"
"""Directory of ``firmware/boards`` for the simulator, with - for _."""

_LAST_BYTES = 400


def simulate(simulator: Path, image: LoadableImage, *, timeout: float, where: str) -> RunRecord:
    """Run an image that was built for :data:`MACHINE` to its last line.

    :param timeout: seconds it may take.
    :raises EstimateError: it takes longer, faults, ends before its last line, or sends what cannot
        be believed.
    """
    where = f"{where} on the simulator"
    try:
        # -i: a program may read memory that it never wrote to, such as a gap between variables.
        result = subprocess.run(
            [*die_with_parent(), simulator, "-i", image.elf],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment.made(),
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise EstimateError(
            f"{where}: not finished after {timeout:g} s; it hangs, or the model is too large for "
            "that time: see --tq-timeout"
        ) from error
    refuse_trouble(result.returncode, "", f"{where}: {simulator}")
    decoder = Decoder(where)
    decoder.feed(result.stdout)
    fault = decoder.transcript.fault
    if fault is not None:
        raise EstimateError(
            f"{where}: exception {fault.exception} at 0x{fault.registers['pc']:08x}; "
            f"`{simulator} -t {image.elf}` shows what it executes"
        )
    if not decoder.finished:
        said = result.stdout[-_LAST_BYTES:].decode("ascii", errors="backslashreplace")
        raise EstimateError(
            f"{where}: ended with status {result.returncode} after {decoder.lines} lines, without "
            f"the last one; `{simulator} -t {image.elf}` shows what it executes:\n{said}"
        )
    try:
        with located(where):
            check_image(decoder, image)
            return run_record(decoder)
    except InvalidOutputError as error:
        raise EstimateError(str(error)) from error
