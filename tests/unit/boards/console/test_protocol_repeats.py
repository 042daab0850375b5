"""Runs of a board whose counts scatter: repeated, and with a proof of the clock."""

from __future__ import annotations

import pytest
from protocol_session import HELLO
from protocol_session import SESSION
from protocol_session import decode
from protocol_session import lines

from pytest_tinyquant.boards.console.protocol import Decoder
from pytest_tinyquant.boards.console.transcript import MarkedWindow
from pytest_tinyquant.boards.run_record import run_record
from pytest_tinyquant.errors import ConsoleError


REPEATED = [
    ("HELLO", f"{HELLO.replace('instructions', 'cycles')} repeats=3"),
    ("CLOCK", "hz=12 cycles=36 ticks=3 reference=1 loop=36 low=35 high=40 optimized=speed"),
    *SESSION[1:6],
    ("REPEAT", "0 1003"),
    ("REPEAT", "1 1001"),
    ("REPEAT", "2 1002"),
    *SESSION[6:-1],
    ("END", "15"),
]


def test_a_board_whose_cycles_scatter_repeats_the_run_and_proves_its_clock() -> None:
    transcript = decode(b"".join(lines(REPEATED))).transcript
    assert transcript.hello is not None and transcript.hello.repeats == 3
    assert transcript.repeat_counts == [1003, 1001, 1002]
    assert transcript.clock is not None and transcript.clock.measured_hz == 12
    record = run_record(decode(b"".join(lines(REPEATED))))
    assert (record.counter, record.counter_unit, record.counter_class) == (
        1002,
        "cycles",
        "measured",
    )
    assert record.repeats == (1003, 1001, 1002)
    assert record.walk_counter == 1002 - 950
    assert record.clock == transcript.clock


@pytest.mark.parametrize("missing", ["CLOCK", "REPEAT"])
def test_what_hello_announced_has_to_come(missing: str) -> None:
    kept = [line for line in REPEATED if line[0] != missing]
    with pytest.raises(ConsoleError, match=f"END after 0 of . {missing}"):
        decode(b"".join(lines([*kept[:-1], ("END", str(len(kept) - 1))])))


def test_a_clock_that_nobody_announced_is_refused() -> None:
    with pytest.raises(ConsoleError, match="END after 1 of 0 CLOCK"):
        decode(b"".join(lines([SESSION[0], REPEATED[1], *SESSION[1:-1], ("END", "12")])))


def test_operators_may_add_up_to_more_than_the_median_where_counts_scatter() -> None:
    fast = [("REPEAT", f"{line[1][0]} 940") if line[0] == "REPEAT" else line for line in REPEATED]
    assert run_record(decode(b"".join(lines(fast)))).walk_counter == -10


METERED = [
    ("HELLO", f"{HELLO} windows=2"),
    *SESSION[1:6],
    *(("POWER", f"{n} {what}") for n in range(2) for what in ("idle", "busy", "end 1000 5000")),
    *SESSION[6:-1],
    ("END", "17"),
]


def test_windows_for_a_power_meter_are_marked_with_the_time_of_their_lines() -> None:
    decoder = Decoder("bench")
    times = iter(range(6))
    decoder.transcript.now = lambda: float(next(times))
    decoder.feed(b"".join(lines(METERED)))
    assert decoder.transcript.windows == [
        MarkedWindow(0, 1, 2, runs=1000, counts=5000),
        MarkedWindow(3, 4, 5, runs=1000, counts=5000),
    ]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("0 busy", "0 idle", "does not follow the mark before it"),
        ("0 idle", "1 idle", "does not follow the mark before it"),
        ("0 end 1000 5000", "0 end 1000", "POWER cannot be read"),
        (" windows=2", "", "POWER goes beyond what HELLO announced"),
        (" windows=2", " windows=3", "END after 2 of 3 POWER"),
    ],
)
def test_marks_have_to_come_in_their_order(old: str, new: str, words: str) -> None:
    changed = [(kind, payload.replace(old, new)) for kind, payload in METERED]
    with pytest.raises(ConsoleError, match=words):
        decode(b"".join(lines(changed)))
