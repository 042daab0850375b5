"""Turns what a device sent into a run record, after checking that it can be believed."""

from __future__ import annotations

import statistics

from pytest_tinyquant.boards.console.protocol import Decoder
from pytest_tinyquant.boards.console.transcript import Transcript
from pytest_tinyquant.boards.device import LoadableImage
from pytest_tinyquant.boards.device import RunRecord
from pytest_tinyquant.errors import DeviceHaltedError
from pytest_tinyquant.errors import FlashError
from pytest_tinyquant.errors import InvalidOutputError
from pytest_tinyquant.project.tflm_library import PER_CHANNEL_ADVICE


# The firmware subtracts its own cost; from a counter that stands still that goes below zero.
_WRAPPED = 1 << 63

# How the adapter in firmware/runtimes/tflm begins its last line.
_REFUSED = "tflm refused:"

# The last line of a library whose assertion failed; then it loops for ever.
_ASSERTED = "HALTED"


def check_image(decoder: Decoder, image: LoadableImage) -> None:
    """Check that the device runs ``image``, as soon as it said what it runs.

    :raises FlashError: it runs another one.
    """
    hello = decoder.transcript.hello
    if hello is not None and hello.image_id != image.image_id:
        raise FlashError(
            f"the device answers as image {hello.image_id} for board {hello.board}, but"
            f" {image.image_id} was flashed; the old image still runs: check the reset and the"
            " boot switches"
        )


def check_accepted(decoder: Decoder) -> None:
    """Check that the runtime has not refused the model.

    :raises DeviceHaltedError: it has; its own words are in the text.
    """
    log = decoder.transcript.log
    if _ASSERTED in log:
        words = " ".join(line for line in log if line and line != _ASSERTED)
        raise DeviceHaltedError(
            f"an assertion of TensorFlow Lite Micro failed: {words or 'without a word'}",
            kind="assertion",
        )
    refusal = next((line for line in log if line.startswith(_REFUSED)), None)
    if refusal is None:
        return
    call = refusal.removeprefix(_REFUSED).strip()
    words = " ".join(line for line in log if line and line != refusal)
    advice = f"\n{PER_CHANNEL_ADVICE}" if "is_per_channel" in words else ""
    silence = "without a word; a library built without TF_LITE_STRIP_ERROR_STRINGS says why"
    raise DeviceHaltedError(
        f"TensorFlow Lite Micro ended in {call}: {words or silence}{advice}", kind=call
    )


def run_record(decoder: Decoder) -> RunRecord:
    """Return the record of a finished run.

    The firmware says what it counts: instructions, which are exact, or the cycles of a real core,
    which are measured.

    :raises InvalidOutputError: memory beside the arena was overwritten, the stack overflowed, or a
        counter stood still.
    """
    got = decoder.transcript
    assert decoder.finished and got.hello is not None, "called after END"
    _check_memory(got)
    _check_counters(got, got.hello.unit)
    instructions = got.hello.unit == "instructions"
    # A count that occurred: of an even number of runs the lower of the two in the middle.
    counter = statistics.median_low(got.repeat_counts) if got.repeat_counts else got.run_counts[0]
    walk = counter - sum(got.op_counts)
    if walk < 0 and instructions:
        raise InvalidOutputError(
            f"the operators took {sum(got.op_counts)} {got.hello.unit}, more than the"
            f" {got.run_counts[0]} of the whole run they are part of"
        )
    return RunRecord(
        outputs=tuple(bytes(output) for output in got.outputs),
        counter=counter,
        counter_unit="instructions" if instructions else "cycles",
        counter_class="exact" if instructions else "measured",
        op_counters=tuple(got.op_counts),
        walk_counter=walk,
        stack_bytes=None if got.stack is None else got.stack[0],
        arena_bytes=got.arena,
        log=decoder.log_text(),
        repeats=tuple(got.repeat_counts),
        clock=got.clock,
    )


def _check_memory(got: Transcript) -> None:
    """Check that nothing was written beside the arena and the stack."""
    if got.guard != "ok":
        raise InvalidOutputError(
            f"the guard {got.guard} beside the arena was overwritten, so the outputs"
            " cannot be trusted; a kernel writes out of its tensor or the arena is too small"
        )
    if got.stack is not None and got.stack[0] >= got.stack[1]:
        raise InvalidOutputError(
            f"the stack was used up to its last word ({got.stack[1]} bytes): it"
            " overflowed, and the outputs cannot be trusted; see which kernel keeps much on the"
            " stack, or raise tq_stack_bytes in the board's linker script"
        )


def _check_counters(got: Transcript, unit: str) -> None:
    """Check that the counter ran whenever something was measured."""
    counts = [
        (f"{what} {i}", count)
        for what, series in (
            ("sample", got.run_counts),
            ("repeat", got.repeat_counts),
            ("operator", got.op_counts),
        )
        for i, count in enumerate(series)
    ]
    for what, count in counts:
        if not 0 < count < _WRAPPED:
            shown = count if count < _WRAPPED else count - 2 * _WRAPPED
            raise InvalidOutputError(
                f"the {unit} counter stood still during {what} (count {shown});"
                " it is not running: check the board's tq_board_init and what touches its timer"
            )
