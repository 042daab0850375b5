"""The fixtures: a combination's parts, the stages it goes through, and its baseline."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from collections.abc import Iterator
from typing import TYPE_CHECKING
from typing import Any
from typing import cast

import pytest

from pytest_tinyquant.session.run import RUN
from pytest_tinyquant.session.run import Run


if TYPE_CHECKING:
    from pytest_tinyquant.baselines.verdict import Verdict
    from pytest_tinyquant.boards.device import Device
    from pytest_tinyquant.boards.device import HostImage
    from pytest_tinyquant.firmware.image import FirmwareImage
    from pytest_tinyquant.measure.measurement import Estimate
    from pytest_tinyquant.measure.measurement import Measurement
    from pytest_tinyquant.metrics.limits import Limit
    from pytest_tinyquant.models.model import Model
    from pytest_tinyquant.project.board_types import Board
    from pytest_tinyquant.schemes.convert import ConvertedModel
    from pytest_tinyquant.schemes.scheme import Scheme
    from pytest_tinyquant.session.judged import Judged

    Image = FirmwareImage | HostImage


class CreepWarning(UserWarning):
    """A metric grew beyond the limit since a release, in steps that each passed."""


VERDICTS: pytest.StashKey[list[Verdict]] = pytest.StashKey()
MEASUREMENT: pytest.StashKey[Measurement] = pytest.StashKey()
JUDGED: pytest.StashKey[Judged] = pytest.StashKey()
MEASURE: pytest.StashKey[Callable[[], Measurement]] = pytest.StashKey()


@pytest.fixture
def model(request: pytest.FixtureRequest) -> Model:
    """The model under test."""
    return cast("Model", _value(request))


@pytest.fixture
def scheme(request: pytest.FixtureRequest) -> Scheme:
    """The quantization scheme under test."""
    return cast("Scheme", _value(request))


@pytest.fixture
def board(request: pytest.FixtureRequest) -> Board:
    """The board under test and whether this run emulates it."""
    return cast("Board", _value(request))


@pytest.fixture
def converted_model(pytestconfig: pytest.Config, model: Model, scheme: Scheme) -> ConvertedModel:
    """The model converted by the scheme, as a .tflite file in the cache."""
    return pytestconfig.stash[RUN].stages.convert(model, scheme)


@pytest.fixture
def firmware_image(
    pytestconfig: pytest.Config,
    model: Model,
    scheme: Scheme,
    converted_model: ConvertedModel,
    board: Board,
) -> Image:
    """What the board runs: the linked firmware, or the .tflite file itself on the host."""
    from pytest_tinyquant.project.case import Converted

    stages = pytestconfig.stash[RUN].stages
    case = Converted(model, scheme, board, converted_model)
    image: Image = stages.build(stages.check(case)).image
    return image


@pytest.fixture
def flashed_device(
    request: pytest.FixtureRequest, firmware_image: Image, board: Board
) -> Iterator[Device]:
    """The board with the image on it, held for this test only."""
    stages = request.config.stash[RUN].stages
    with stages.open(board, firmware_image, name=request.node.name) as device:
        yield device


@pytest.fixture
def measurement(
    request: pytest.FixtureRequest, model: Model, scheme: Scheme, board: Board
) -> Measurement:
    """All metrics of the combination, measured once for all tests of this run that ask."""
    measured = measured_once(request.node, model, scheme, board)
    request.node.stash[MEASUREMENT] = measured
    request.node.stash[MEASURE] = _measuring(request.node, model, scheme, board)
    if measured.retries:
        request.node.user_properties.append(("tinyquant.retries", len(measured.retries)))
    return measured


def measured_once(item: pytest.Item, model: Model, scheme: Scheme, board: Board) -> Measurement:
    """Return all metrics of a combination, measured by the first test of this run that asks."""
    from pytest_tinyquant.project.case import Case
    from pytest_tinyquant.system.trouble import told

    run = item.config.stash[RUN]
    run.stages.reachable(board)  # rather now than after minutes of conversion
    key = f"{Case(model, scheme, board).name} {board.target} {model.path}"
    with told("measuring"):
        return run.outcomes.get_or_measure(key, _measuring(item, model, scheme, board))


def _measuring(
    item: pytest.Item, model: Model, scheme: Scheme, board: Board
) -> Callable[[], Measurement]:
    """Return what measures the combination whenever it is called."""

    def measure() -> Measurement:
        return cast(
            "Measurement",
            item.ihook.pytest_tinyquant_measure(
                config=item.config, model=model, scheme=scheme, board=board
            ),
        )

    return measure


@pytest.fixture
def baseline(request: pytest.FixtureRequest) -> Baseline:
    """The combination's baseline: ``baseline.check("latency", measurement)`` judges a metric."""
    return Baseline(request.node, request.config.stash[RUN])


class Baseline:
    """Judges measurements on behalf of one test."""

    def __init__(self, item: pytest.Item, run: Run) -> None:
        self._item = item
        self._run = run
        from pytest_tinyquant.session.judged import Judged
        from pytest_tinyquant.session.judged import own_combination

        # One for each time that the test runs: a rerun does not answer for the run before it.
        self._judged = item.stash[JUDGED] = Judged()
        self._own = own_combination(item)

    def check(self, metric: str, measurement: Measurement) -> Verdict:
        """Return the verdict on `metric`, unless it fails the test or, if so asked, skips it.

        Tolerances of the model's TOML win over the project's, those of the test's marker over
        both. What may be recorded is recorded after the run, if the test passed.
        """
        __tracebackhide__ = True
        with self._judged.watch(metric, measurement.combination, self._own):
            return self._check(metric, measurement)

    def _check(self, metric: str, measurement: Measurement) -> Verdict:
        from pytest_tinyquant.baselines.confirm import confirmed
        from pytest_tinyquant.baselines.message import verdict_text

        __tracebackhide__ = True
        verdict = self._judge(metric, measurement)
        if (measure := self._item.stash.get(MEASURE, None)) is not None:
            verdict = confirmed(verdict, measure, lambda again: self._judge(metric, again))
        verdict = self._explained(verdict, measurement)
        self._item.stash.setdefault(VERDICTS, []).append(verdict)
        self._item.user_properties += _properties(verdict)
        for estimate in measurement.estimates:
            if estimate.metric == metric:
                self._item.user_properties += _estimate_properties(estimate)
        if verdict.failed:
            pytest.fail(verdict_text(verdict), pytrace=False)
        self._check_creep(metric, measurement)
        if verdict.status == "skipped":
            pytest.skip(verdict_text(verdict))
        return verdict

    def _check_creep(self, metric: str, measurement: Measurement) -> None:
        """Fail or warn, as the user chose, if the metric crept since the release."""
        from pytest_tinyquant.baselines.message import verdict_text

        __tracebackhide__ = True
        release = self._run.release
        crept = release.judge(metric, measurement) if release else None
        if crept is None:
            return
        if self._run.settings.creep_action == "warn":
            warnings.warn(verdict_text(crept), CreepWarning, stacklevel=3)
            return
        self._item.stash[VERDICTS].append(crept)
        pytest.fail(verdict_text(crept), pytrace=False)

    def _judge(self, metric: str, measurement: Measurement) -> Verdict:
        from pytest_tinyquant.baselines.limits import with_limits
        from pytest_tinyquant.system.trouble import told

        with told("judging"):
            verdict = self._run.gate.check(
                metric,
                measurement,
                tolerances=self._tolerances(measurement),
                test="" if self._item.get_closest_marker("xfail") else self._item.nodeid,
            )
            return with_limits(verdict, measurement, self._limits(measurement))

    def _explained(self, verdict: Verdict, measurement: Measurement) -> Verdict:
        """Return the verdict with the cause of a regression that its numbers do not show."""
        from pytest_tinyquant.session.collection import combination_of

        combination = combination_of(self._item)
        if verdict.status != "regressed" or combination is None:
            return verdict
        from pytest_tinyquant.project.case import Case
        from pytest_tinyquant.stages.investigation import Investigation

        reference = self._run.gate.reference(measurement)
        assert reference is not None, "a regression has something to be worse than"
        paired = self._run.paired
        board = paired.board(combination.board) if paired else combination.board
        case = Case(combination.model, combination.scheme, board)
        investigation = Investigation(self._run.stages, case)
        return investigation.explain(verdict, measurement, reference)

    def _limits(self, measurement: Measurement) -> list[Limit]:
        """Return every limit that applies: the project's, board's, model's and the markers'."""
        from pytest_tinyquant.metrics.limits import parse_limits

        project = self._run.project
        model, board = project.models.get(measurement.model), project.boards[measurement.board]
        limits = [*project.limits, *board.limit, *(model.limits if model else ())]
        for marker in self._item.iter_markers("tinyquant"):
            limits += parse_limits(marker.kwargs.get("limit") or {}, source="marker tinyquant")
        return limits

    def _tolerances(self, measurement: Measurement) -> list[Any]:
        model = self._run.project.models.get(measurement.model)
        markers = [
            marker.kwargs["tolerance"]
            for marker in self._item.iter_markers("tinyquant")
            if marker.kwargs.get("tolerance")
        ]
        # The closest marker comes first and wins, so it must be merged last.
        return [*([model.tolerance] if model else []), *reversed(markers)]


def _value(request: pytest.FixtureRequest) -> object:
    """Return the value this fixture was parametrized with."""
    try:
        return request.param
    except AttributeError:
        raise pytest.UsageError(
            f"{request.node.nodeid}: the fixture {request.fixturename!r} has a value only where "
            "the test or one of its fixtures takes it as an argument; "
            "getfixturevalue() comes too late for that"
        ) from None


def _estimate_properties(estimate: Estimate) -> list[tuple[str, object]]:
    """Return an estimate as JUnit properties, apart from the metric's own."""
    name = f"tinyquant.{estimate.metric}.estimate"
    properties: list[tuple[str, object]] = [
        (name, estimate.number.value),
        (f"{name}.unit", estimate.number.unit),
        (f"{name}.class", estimate.number.number_class),
        (f"{name}.source", estimate.source),
    ]
    if estimate.low is not None:
        properties += [(f"{name}.low", estimate.low), (f"{name}.high", estimate.high)]
    if estimate.milliseconds is not None:
        properties.append((f"{name}.milliseconds", estimate.milliseconds))
    return properties + [(f"{name}.op.{label}", part) for label, part in estimate.ops]


def _properties(verdict: Verdict) -> list[tuple[str, object]]:
    """Return the verdict as JUnit properties, in plain Python scalars."""
    prefix = f"tinyquant.{verdict.metric}"
    properties: list[tuple[str, object]] = [(f"{prefix}.verdict", verdict.status)]
    for comparison in verdict.comparisons:
        name = f"{prefix}.{comparison.part}"
        properties.append((name, comparison.current.value))
        properties.append((f"{name}.unit", comparison.current.unit))
        properties.append((f"{name}.class", comparison.current.number_class))
        if comparison.baseline is not None:
            properties.append((f"{name}.baseline", comparison.baseline.value))
    return properties
