"""Whatever happens on the line, a run ends in the right numbers or in the right error.

Seeded, so that a failure can be had again: its message says kind, scenario and seed.
``HYPOTHESIS_PROFILE=nightly`` tries more faults, TINYQUANT_TEST_EXAMPLES as many as it says.
"""

from __future__ import annotations

import dataclasses
import os
import random
from collections import Counter
from collections.abc import Callable
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from pytest_tinyquant.boards.device import RunRecord
from pytest_tinyquant.errors import ConsoleError
from pytest_tinyquant.errors import DeviceHaltedError
from pytest_tinyquant.errors import DeviceTimeoutError
from pytest_tinyquant.errors import FlashError
from pytest_tinyquant.errors import InvalidOutputError
from pytest_tinyquant.errors import TinyQuantError


if TYPE_CHECKING:
    from tests.emulated.console.replay.conftest import Trial


pytestmark = pytest.mark.parametrize("board_name", ["nucleo-l4r5zi"], indirect=True)

NIGHTLY = os.environ.get("HYPOTHESIS_PROFILE") == "nightly"
FAULTS = int(os.environ.get("TINYQUANT_TEST_EXAMPLES", "1000" if NIGHTLY else "60"))

#: How each scenario ends on a line without faults; None is a measurement.
ENDS = {
    "well": None,
    "log line": None,
    "undefined instruction": DeviceHaltedError,
    "silent fault": DeviceHaltedError,
    "stack overflow": DeviceHaltedError,
    "early end": DeviceHaltedError,
    "endless loop": DeviceTimeoutError,
    "overrun": InvalidOutputError,
    "stopped counter": InvalidOutputError,
    "wrong image": FlashError,
}

KINDS = (
    *("drop", "flip", "duplicate", "garbage", "delay", "late", "mute", "unplug", "replug", "reset"),
    "wrong_baud_rate",
)

#: What another run does not mend, even if it happens once.
HOPELESS = ("late", "unplug", "wrong_baud_rate")

pytestmark = pytest.mark.parametrize(
    "board_name", ["nucleo-l4r5zi"], indirect=True, scope="session"
)


@pytest.fixture(scope="module")
def outcomes() -> Iterator[Counter[str]]:
    """How the faults ended; printed at the end, for those who ask pytest to show it (-s)."""
    counts: Counter[str] = Counter()
    yield counts
    for outcome, count in counts.most_common():
        print(f"\n{count:6} {outcome}", end="")


@pytest.mark.parametrize("scenario", ENDS)
def test_ends_as_on_the_board_without_faults(scenario: str, replay: Callable[..., Trial]) -> None:
    trial = replay(scenario)
    assert same(trial.result, trial.expected)
    assert isinstance(trial.result, ENDS[scenario] or RunRecord)
    assert trial.runs == 1, "only trouble on the line is worth another run"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("lasting", [False, True], ids=["once", "lasting"])
def test_ends_in_the_right_numbers_or_the_right_error(
    kind: str, lasting: bool, replay: Callable[..., Trial], outcomes: Counter[str]
) -> None:
    for number in range(-(-FAULTS // (2 * len(KINDS)))):
        rng = random.Random(f"{kind} {lasting} {number}")
        scenario = rng.choice((*["well"] * len(ENDS), *ENDS))
        trial = replay(scenario, kind, rng, lasting=lasting)
        told = f"{kind} {'lasting' if lasting else 'once'}, {scenario}, number {number}"
        outcome = judge(trial, kind, lasting)
        assert outcome, f"{told}: {trial.result!r}, expected {trial.expected!r}"
        assert trial.runs <= 2, told
        trial.check_that_the_port_is_free()
        outcomes[f"{kind:16} {'lasting' if lasting else 'once':8} {outcome}"] += 1


@pytest.mark.parametrize("seed", range(6))
def test_names_a_wrong_baud_rate(seed: int, replay: Callable[..., Trial]) -> None:
    trial = replay("well", "wrong_baud_rate", random.Random(seed), lasting=True)
    assert "bytes are no text; the port's baud rate is not the firmware's" in str(trial.result)
    assert trial.runs == 1


def test_keeps_what_came_in_both_runs_in_a_file(replay: Callable[..., Trial]) -> None:
    trial = replay("log line", "flip", random.Random(1))
    assert trial.result.retries
    first, note, second = trial.log.partition(b"\n=== tinyquant: run again after: ")
    assert note
    assert first.startswith(b"#0000 HELLO")
    assert trial.result.retries[0].encode() in second
    assert second.endswith(trial.expected_output)


def judge(trial: Trial, kind: str, lasting: bool) -> str:
    """Return how a run ended, in words; nothing if it should not have ended like this."""
    result, expected = trial.result, trial.expected
    if same(result, expected):
        again = ", in a second run" if trial.runs == 2 else ""
        return f"{'right numbers' if isinstance(result, RunRecord) else 'right error'}{again}"
    if not isinstance(result, (ConsoleError, DeviceHaltedError)):
        return ""
    if isinstance(result, DeviceHaltedError):
        # Twice at the same place: then it is the firmware's doing.
        # A first line that comes doubled each time looks like that as well.
        looks_so = lasting and kind in ("reset", "duplicate")
        return "halted: reset" if looks_so and result.kind == "reset" else ""
    return "console error" if lasting or kind in HOPELESS else ""


def same(result: RunRecord | TinyQuantError, expected: RunRecord | TinyQuantError) -> bool:
    """Tell whether a run ended as it does without faults; logs may differ."""
    if isinstance(result, RunRecord) and isinstance(expected, RunRecord):
        return dataclasses.replace(result, log="", retries=()) == dataclasses.replace(
            expected, log="", retries=()
        )
    if isinstance(result, DeviceHaltedError) and isinstance(expected, DeviceHaltedError):
        return (result.kind, result.pc, result.symbol, result.registers) == (
            expected.kind,
            expected.pc,
            expected.symbol,
            expected.registers,
        )
    if isinstance(result, DeviceTimeoutError):
        return isinstance(expected, DeviceTimeoutError)
    return type(result) is type(expected) and str(result) == str(expected)
