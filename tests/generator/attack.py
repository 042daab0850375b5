"""Attacks as rows of tables: what is done, how, and what the run must say of it.

A row is an :class:`Attack`. Rows marked ``quick`` run with every test run, the others in the
nightly profile (``HYPOTHESIS_PROFILE=nightly``). Whatever the attack is, pytest itself must not
fail, no traceback and no control character may reach the reader, and the run ends with the status
expected.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from played_project import Bench


NIGHTLY = os.environ.get("HYPOTHESIS_PROFILE") == "nightly"

OK, RED, INTERNAL, USAGE, NOTHING = 0, 1, 3, 4, 5
"""Exit statuses of pytest."""

_HARMFUL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]"
)
_COMMAND = re.compile(r"^\s*::\w|##\[|##vso\[")


@dataclass(frozen=True)
class Attack:
    """One attack on a project.

    :param name: what is attacked and how, as a test id.
    :param do: does it to the project; returns the arguments of the run.
    :param says: regular expressions, each of which a line of the output must match.
    :param status: exit status of pytest.
    """

    name: str
    do: Callable[[Bench], Sequence[str]]
    says: tuple[str, ...]
    status: int = RED
    quick: bool = False


def rows(attacks: Iterable[Attack]) -> list[Any]:
    """Return the attacks of this profile as parameters of a test."""
    chosen = [attack for attack in attacks if NIGHTLY or attack.quick]
    return [pytest.param(attack, id=attack.name) for attack in chosen]


def parameters(values: Iterable[Any], *, quick: int) -> list[Any]:
    """Return the parameters of this profile: all of them, or so many, evenly spread."""
    values = list(values)
    if NIGHTLY or len(values) <= quick:
        return values
    return [values[index * len(values) // quick] for index in range(quick)]


def attacked(bench: Bench, attack: Attack) -> pytest.RunResult:
    """Attack the project, run pytest in it and check what always holds, and what is expected."""
    result = bench.run(*attack.do(bench))
    check(result, attack.says, attack.status)
    return result


def check(result: pytest.RunResult, says: Iterable[str], status: int) -> None:
    """Check what a run said and how it ended."""
    output = f"{result.stdout.str()}\n{result.stderr.str()}"
    assert result.ret == status, f"status {result.ret}, expected {status}"
    check_harmless(output)
    for pattern in says:
        assert re.search(pattern, output, re.MULTILINE), f"it does not say {pattern!r}"


def check_harmless(output: str) -> None:
    """Check that nothing in an output is harmful, and that no program failed in it."""
    assert "INTERNALERROR" not in output
    assert "Traceback (most recent call last)" not in output
    found = _HARMFUL.search(output)
    assert found is None, repr(output[max(0, found.start() - 80) : found.end() + 80])
    commands = [line for line in output.splitlines() if _COMMAND.search(line)]
    assert not commands, commands
