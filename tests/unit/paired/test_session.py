"""What one side of an A/B run lacks is new on the other; what goes wrong is an error."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from typing import cast

import pytest

from pytest_tinyquant import errors
from pytest_tinyquant.boards.device import RunRecord
from pytest_tinyquant.errors import AbsentError
from pytest_tinyquant.errors import BenchError
from pytest_tinyquant.errors import DeviceHaltedError
from pytest_tinyquant.errors import RevisionError
from pytest_tinyquant.errors import TinyQuantError
from pytest_tinyquant.errors import UnsupportedModelError
from pytest_tinyquant.measure.measurement import Measurement
from pytest_tinyquant.paired.protocol import SideImage
from pytest_tinyquant.paired.session import PairedRun
from pytest_tinyquant.paired.session import SideChoice
from pytest_tinyquant.project.case import Case
from pytest_tinyquant.project.settings import Settings
from pytest_tinyquant.stages.pipeline import Stages


CLASSES = sorted(
    (c for _, c in inspect.getmembers(errors, inspect.isclass) if issubclass(c, TinyQuantError)),
    key=lambda c: c.__name__,
)
RECORD = RunRecord((b"out",), 5, "instructions", "exact", (5,), 0, 8, None, "")


Both = tuple[Measurement, Measurement | TinyQuantError]
"""What the judged side gave, and the other one."""


class PlayedSide:
    """A side that fails in one of its steps."""

    def __init__(
        self,
        name: str,
        measurement: Measurement,
        fails: str | None = None,
        error: Exception | None = None,
    ) -> None:
        self.name = name
        self._measurement = measurement
        self._fails = fails
        self._error = error or AssertionError("no step is to fail")

    def build(self, case: Case) -> SideImage:
        if self._fails == "build":
            raise self._error
        # Its device runs the side itself, which stands where the file of an image does.
        return SideImage(cast(Path, self), self.name, self.name)

    def run(self) -> RunRecord:
        if self._fails == "run":
            raise self._error
        return RECORD

    def evaluate(self, record: RunRecord) -> Measurement:
        if self._fails == "evaluate":
            raise self._error
        return self._measurement


class PlayedStages:
    """Stages whose device runs the side that was flashed last."""

    @contextlib.contextmanager
    def device(self, board: Any, *, name: str) -> Iterator[Any]:
        device = SimpleNamespace()
        device.flash = lambda image: setattr(device, "run", image.elf.run)
        yield device


@pytest.fixture
def measure(tmp_path: Path, recorded: Measurement) -> Callable[..., Both]:
    """Measure a combination with these sides; return what both gave."""

    def measure(
        a: tuple[()] | tuple[str, Exception] = (), b: tuple[()] | tuple[str, Exception] = ()
    ) -> Both:
        stages, settings = cast(Stages, PlayedStages()), cast(Settings, None)
        run = PairedRun((SideChoice("A"), SideChoice("B")), stages, settings, tmp_path)
        sides: Any = (PlayedSide("A", recorded, *a), PlayedSide("B", recorded, *b))
        run._sides = sides
        model: Any = SimpleNamespace(name="cnn_4")
        scheme: Any = SimpleNamespace(name="int8-only")
        board: Any = SimpleNamespace(name="nucleo-l4r5zi", target="emulator")
        return run.measure(Case(model, scheme, board)), run.first(recorded)

    return measure


def test_both_sides_measured(measure: Callable[..., Both], recorded: Measurement) -> None:
    second, first = measure()
    assert second == recorded
    assert isinstance(first, Measurement)
    assert first.metrics == recorded.metrics


@pytest.mark.parametrize("step", ["build", "run", "evaluate"])
@pytest.mark.parametrize("error", CLASSES)
def test_only_what_the_first_side_says_it_lacks_is_new(
    measure: Callable[..., Both],
    recorded: Measurement,
    error: Any,
    step: str,
) -> None:
    raised = error("a reason")
    if step == "build" and isinstance(raised, (AbsentError, UnsupportedModelError)):
        second, first = measure(a=(step, raised))
        assert second == recorded
        assert isinstance(first, TinyQuantError)
        return
    with pytest.raises(BenchError, match="a reason") as caught:
        measure(a=(step, raised))
    assert isinstance(
        caught.value, type(raised) if isinstance(raised, BenchError) else RevisionError
    )


def test_what_the_judged_side_lacks_cannot_be_judged(
    measure: Callable[..., Both],
) -> None:
    with pytest.raises(RevisionError, match="nothing to judge; deselect it"):
        measure(b=("build", AbsentError("B has no model 'cnn_4'")))


@pytest.mark.parametrize("step", ["build", "run", "evaluate"])
def test_what_goes_wrong_on_the_judged_side_is_its_own(
    measure: Callable[..., Both], step: str
) -> None:
    halt = DeviceHaltedError("the core locked up")
    with pytest.raises(DeviceHaltedError):
        measure(b=(step, halt))
    if step != "run":
        with pytest.raises(DeviceHaltedError):
            measure(a=("evaluate", DeviceHaltedError("A too")), b=(step, halt))
