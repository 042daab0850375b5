"""One outcome per combination and run, shared by all its processes."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock

from pytest_tinyquant import errors
from pytest_tinyquant.errors import BenchError
from pytest_tinyquant.errors import BoardBusyError
from pytest_tinyquant.errors import CacheError
from pytest_tinyquant.errors import DeviceHaltedError
from pytest_tinyquant.errors import DoesNotFitError
from pytest_tinyquant.errors import TinyQuantError
from pytest_tinyquant.errors import UnsupportedModelError
from pytest_tinyquant.measure.measurement import Measurement
from pytest_tinyquant.stages.outcomes import OutcomeStore
from pytest_tinyquant.system.error_json import dump_error
from pytest_tinyquant.system.error_json import load_error


@pytest.fixture
def store(tmp_path: Path) -> OutcomeStore:
    return OutcomeStore(tmp_path / "outcomes")


@pytest.fixture
def outcomes() -> Callable[..., Callable[..., Measurement]]:
    """Return a function that fails the test when it is called once too often."""

    def outcomes(*results: Measurement | Exception) -> Callable[..., Measurement]:
        remaining = list(results)

        def measure() -> Measurement:
            result = remaining.pop(0)
            if isinstance(result, Exception):
                raise result
            return result

        return measure

    return outcomes


def test_a_combination_is_measured_once(
    store: OutcomeStore, recorded: Measurement, outcomes: Callable[..., Callable[..., Measurement]]
) -> None:
    measure = outcomes(recorded)
    assert store.get_or_measure("a", measure) == recorded
    assert store.get_or_measure("a", measure) == recorded
    assert store.find("a") == recorded


def test_combinations_do_not_mix(
    store: OutcomeStore,
    recorded: Measurement,
    change: Callable[..., Measurement],
    outcomes: Callable[..., Callable[..., Measurement]],
) -> None:
    other = change(model="cnn_5")
    store.get_or_measure("a", outcomes(recorded))
    assert store.get_or_measure("b", outcomes(other)) == other
    assert store.find("c") is None


def test_an_error_is_raised_again_as_it_was(
    store: OutcomeStore, outcomes: Callable[..., Callable[..., Measurement]]
) -> None:
    measure = outcomes(UnsupportedModelError("no", op="DEQUANTIZE", dtype="float16", reason="r"))
    for _ in range(2):
        with pytest.raises(UnsupportedModelError, match="no") as caught:
            store.get_or_measure("a", measure)
        assert (caught.value.op, caught.value.dtype, caught.value.reason) == (
            "DEQUANTIZE",
            "float16",
            "r",
        )


@pytest.mark.parametrize("error", [BenchError("cable"), BoardBusyError("busy"), CacheError("full")])
def test_trouble_with_the_bench_is_not_kept(
    store: OutcomeStore,
    recorded: Measurement,
    outcomes: Callable[..., Callable[..., Measurement]],
    error: BenchError | BoardBusyError | CacheError,
) -> None:
    measure = outcomes(error, recorded)
    with pytest.raises(type(error)):
        store.get_or_measure("a", measure)
    assert store.get_or_measure("a", measure) == recorded


def test_a_bug_is_not_kept(
    store: OutcomeStore, recorded: Measurement, outcomes: Callable[..., Callable[..., Measurement]]
) -> None:
    measure = outcomes(KeyError("bug"), recorded)
    with pytest.raises(KeyError):
        store.get_or_measure("a", measure)
    assert store.get_or_measure("a", measure) == recorded


@pytest.mark.parametrize(
    "error",
    [
        DoesNotFitError("too large", region="RAM", needed=2, available=1),
        DeviceHaltedError("fault", kind="UsageFault", pc=8, symbol="f", registers={"lr": 1}),
        DeviceHaltedError("abort"),
    ],
)
def test_errors_survive_json(error: DeviceHaltedError | DoesNotFitError) -> None:
    again = load_error(json.loads(json.dumps(dump_error(error))))
    assert (type(again), str(again), vars(again)) == (type(error), str(error), vars(error))


def test_every_error_class_survives_json() -> None:
    classes = [
        c for _, c in inspect.getmembers(errors, inspect.isclass) if issubclass(c, TinyQuantError)
    ]
    assert [type(load_error(dump_error(c("text")))) for c in classes] == classes


def test_an_error_class_from_elsewhere_becomes_its_nearest_known_base() -> None:
    class Special(UnsupportedModelError):
        pass

    again = load_error(dump_error(Special("text", op="ADD")))
    assert type(again) is UnsupportedModelError
    assert again.op == "ADD"


def test_waiting_for_another_process_has_an_end(
    tmp_path: Path, recorded: Measurement, outcomes: Callable[..., Callable[..., Measurement]]
) -> None:
    store = OutcomeStore(tmp_path, lock_timeout=0)
    store.get_or_measure("a", outcomes(recorded))
    (lock,) = tmp_path.glob("*.lock")
    with FileLock(lock), pytest.raises(BenchError, match="another process has been measuring"):
        store.get_or_measure("a", outcomes())


PROCESS = """
import json, sys
from pathlib import Path
from pytest_tinyquant.measure.measurement import Measurement
from pytest_tinyquant.stages.outcomes import OutcomeStore

directory, counter, measurement = sys.argv[1:]

def measure():
    with open(counter, "a") as calls:
        calls.write("x")
    return Measurement.from_json(json.loads(measurement))

print(OutcomeStore(Path(directory)).get_or_measure("a", measure).model)
"""


def test_processes_share_one_measurement(tmp_path: Path, recorded: Measurement) -> None:
    calls = tmp_path / "calls"
    arguments = [str(tmp_path / "outcomes"), str(calls), json.dumps(recorded.to_json())]
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", PROCESS, *arguments], stdout=subprocess.PIPE, text=True
        )
        for _ in range(3)
    ]
    models = [process.communicate(timeout=60)[0].strip() for process in processes]
    assert models == [recorded.model] * 3
    assert calls.read_text() == "x"
