"""One outcome per combination and run: a measurement, or the error that prevented it.

Each metric is a test of its own, perhaps in a worker process of its own; measuring takes seconds
to minutes and must not happen once per metric.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any
from typing import Final

from filelock import FileLock
from filelock import Timeout

from pytest_tinyquant.errors import BenchError
from pytest_tinyquant.errors import TinyQuantError
from pytest_tinyquant.measure.measurement import Measurement
from pytest_tinyquant.system.atomic import write_text
from pytest_tinyquant.system.error_json import dump_error
from pytest_tinyquant.system.error_json import load_error


#: Seconds to wait for another process that measures the same combination. Every stage of it has
#: a shorter limit of its own, and the kernel frees the lock of a process that died.
LOCK_TIMEOUT: Final = 3600.0


class OutcomeStore:
    """Outcomes of one run of pytest in ``directory``, shared by all its processes."""

    def __init__(self, directory: Path, *, lock_timeout: float = LOCK_TIMEOUT) -> None:
        self.directory = directory
        self.lock_timeout = lock_timeout

    def get_or_measure(self, key: str, measure: Callable[[], Measurement]) -> Measurement:
        """Return the measurement kept under ``key``, or call ``measure`` and keep its outcome.

        A typed error of ``measure`` is kept too and raised again for everyone who asks. Trouble
        with the bench is not: the next test may find the cable plugged in again.

        :raises TinyQuantError: what ``measure`` raised, now or before.
        """
        entry = self.entry(key)
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            with FileLock(entry.with_suffix(".lock"), timeout=self.lock_timeout):
                outcome = _load(entry)
                if outcome is None:
                    outcome = measured(measure, lambda outcome: _save(entry, outcome))
        except Timeout as error:
            raise BenchError(
                f"{key}: another process has been measuring this for {self.lock_timeout:g} s "
                f"({entry.with_suffix('.lock')}); end it and run again"
            ) from error
        if isinstance(outcome, TinyQuantError):
            raise outcome
        return outcome

    def keep(self, key: str, outcome: Measurement | TinyQuantError) -> None:
        """Keep an outcome that came about elsewhere."""
        self.directory.mkdir(parents=True, exist_ok=True)
        _save(self.entry(key), outcome)

    def find(self, key: str) -> Measurement | TinyQuantError | None:
        """Return the outcome kept under ``key``, or None if there is none yet."""
        return _load(self.entry(key))

    def measurements(self) -> list[Measurement]:
        """Return every measurement of this run, sorted by combination."""
        outcomes = (_load(entry) for entry in self.directory.glob("*.json"))
        kept = [outcome for outcome in outcomes if isinstance(outcome, Measurement)]
        return sorted(kept, key=lambda measurement: measurement.combination)

    def entry(self, key: str) -> Path:
        """Return the file that holds, or would hold, the outcome kept under ``key``."""
        return self.directory / f"{hashlib.sha256(os.fsencode(key)).hexdigest()[:32]}.json"


def measured(
    measure: Callable[[], Measurement], keep: Callable[[Measurement | TinyQuantError], None]
) -> Measurement:
    """Return what `measure` gives, and give its outcome to `keep`.

    :raises TinyQuantError: what ``measure`` raised. It is an outcome, unless it is trouble with the
        bench.
    """
    try:
        measurement = measure()
    except BenchError:
        raise
    except TinyQuantError as error:
        keep(error)
        raise
    keep(measurement)
    return measurement


def _save(entry: Path, outcome: Measurement | TinyQuantError) -> None:
    if isinstance(outcome, TinyQuantError):
        document: dict[str, Any] = {"error": dump_error(outcome)}
    else:
        document = {"measurement": outcome.to_json()}
    write_text(entry, json.dumps(document))


def _load(entry: Path) -> Measurement | TinyQuantError | None:
    try:
        document = json.loads(entry.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    if "error" in document:
        error = load_error(document["error"])
        if error is None:
            raise ValueError(f"{entry}: {document['error']['class']} is no error of this package")
        return error
    return Measurement.from_json(document["measurement"])
