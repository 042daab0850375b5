"""The noise floor of a board: measured, stored, read back, and what it makes of the gate."""

from __future__ import annotations

import contextlib
import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_tinyquant.baselines.noise import NoiseFloor
from pytest_tinyquant.baselines.noise import noise_file
from pytest_tinyquant.baselines.noise import noise_floors
from pytest_tinyquant.baselines.noise import read_noise
from pytest_tinyquant.baselines.noise import write_noise
from pytest_tinyquant.cli.measure_noise import measure_noise
from pytest_tinyquant.errors import BaselineError
from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.firmware.image import FirmwareImage
from pytest_tinyquant.metrics.tolerance import Tolerance
from pytest_tinyquant.metrics.tolerances import Tolerances
from pytest_tinyquant.project.board_types import load_boards
from pytest_tinyquant.schemes.scheme import SCHEMES


FLOOR = NoiseFloor("fc_0", "int8-only", "cycles", "gcc 12", (10_000, 10_010, 9_990, 10_000))


def test_the_floor_is_the_range_as_a_share_of_the_median() -> None:
    assert (FLOOR.spread, FLOOR.relative) == (20, 0.002)
    assert FLOOR.tolerance == Tolerance(relative=0.006)
    assert FLOOR.text() == "fc_0-int8-only: 4 runs, 9,990 to 10,010 cycles, 0.2000% apart"


@pytest.mark.parametrize(
    ("policy", "noise", "limit"), [("1%", 0.0, 0.01), ("1%", 0.02, 0.02), ("5%", 0.02, 0.05)]
)
def test_the_gate_is_the_larger_of_policy_and_noise(
    policy: str, noise: float, limit: float
) -> None:
    tolerances = dataclasses.replace(
        Tolerances.of({"latency": policy}), noise=Tolerance(relative=noise)
    )
    found = tolerances.find("latency", "measured", same_image=True, same_build=True)
    assert found.relative == pytest.approx(limit)
    exact = tolerances.find("latency", "exact", same_image=True, same_build=True)
    flash = tolerances.find("flash", "exact", same_image=True, same_build=True)
    assert exact.relative == pytest.approx(float(policy[0]) / 100)
    assert flash == Tolerance()


def test_what_was_written_reads_back(tmp_path: Path) -> None:
    file = noise_file(tmp_path, "rx65n", "hardware")
    assert read_noise(file) is None
    write_noise(file, FLOOR)
    assert file == tmp_path / "rx65n" / "hardware" / "noise.json"
    assert read_noise(file) == FLOOR


def test_a_metered_metric_has_a_floor_of_its_own(tmp_path: Path) -> None:
    floor = dataclasses.replace(FLOOR, metrics={"energy": (100.0, 101.0, 104.0)})
    write_noise(noise_file(tmp_path, "b", "hardware"), floor)
    assert read_noise(noise_file(tmp_path, "b", "hardware")) == floor
    assert floor.text().endswith("0.2000% apart; energy 100 to 104, 3.9604% apart")
    tolerances = Tolerances.of().over_noise(noise_floors(tmp_path, "b", "hardware"))
    energy = tolerances.find("energy", "measured", same_image=True, same_build=True)
    latency = tolerances.find("latency", "measured", same_image=True, same_build=True)
    assert energy.relative == pytest.approx(3 * 4 / 101)
    assert latency.relative == pytest.approx(0.006)


def test_without_a_floor_of_its_own_the_counts_say_nothing_of_energy() -> None:
    tolerances = Tolerances.of().over_noise({"": Tolerance(relative=0.5)})
    energy = tolerances.find("energy", "measured", same_image=True, same_build=True)
    assert energy.relative == 0.02


@pytest.mark.parametrize("values", [[1], [1, "2"], [1, 0], [1, True], 5])
def test_a_metrics_runs_that_cannot_be_are_damage(tmp_path: Path, values: Any) -> None:
    file = tmp_path / "noise.json"
    write_noise(file, FLOOR)
    document = json.loads(file.read_text()) | {"metrics": {"energy": values}}
    file.write_text(json.dumps(document))
    with pytest.raises(BaselineError, match="is damaged"):
        read_noise(file)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"counts": [1]}'])
def test_a_damaged_file_is_named(tmp_path: Path, text: str) -> None:
    file = tmp_path / "noise.json"
    file.write_text(text)
    with pytest.raises(BaselineError, match=r"noise\.json is damaged .*'tinyquant noise'"):
        read_noise(file)


@pytest.mark.parametrize("counts", [(5,), (5, 0), (5, 4.5), (5, "6")])
def test_counts_that_cannot_be_are_damage(tmp_path: Path, counts: Any) -> None:
    file = tmp_path / "noise.json"
    write_noise(file, dataclasses.replace(FLOOR, counts=counts))
    with pytest.raises(BaselineError, match="at least two positive whole numbers"):
        read_noise(file)


@pytest.mark.parametrize("number_class", ["estimated", "exact", None])
def test_a_floor_that_was_not_measured_is_refused(tmp_path: Path, number_class: str | None) -> None:
    file = tmp_path / "noise.json"
    write_noise(file, FLOOR)
    values = json.loads(file.read_text())
    assert values["class"] == "measured"
    file.write_text(json.dumps({**values, "class": number_class}))
    with pytest.raises(
        BaselineError, match=rf"noise\.json: .* of class {number_class!r}; a gate of"
    ):
        read_noise(file)


def test_a_floor_from_before_classes_were_kept_was_measured(tmp_path: Path) -> None:
    file = tmp_path / "noise.json"
    write_noise(file, FLOOR)
    values = json.loads(file.read_text())
    del values["class"]
    file.write_text(json.dumps(values))
    assert read_noise(file) == FLOOR


class FakeStages:
    """Stages whose board counts what it is told to, run after run."""

    def __init__(self, baselines: Path, counts: list[int], counter_class: str) -> None:
        self.project = SimpleNamespace(
            boards=load_boards([]),
            models={"fc_0": SimpleNamespace(name="fc_0")},
            schemes=SCHEMES,
            baselines_dir=baselines,
        )
        self._counts = iter(counts)
        self._class = counter_class

    def reachable(self, board: Any) -> tuple[object, ...]:
        assert board.target == "hardware"
        return (object(),)

    def prepare(self, case: Any) -> object:
        anything: Any = None
        image = FirmwareImage(Path(), "", "", "gcc 12", "", anything, anything, {}, {}, 0)
        return SimpleNamespace(name=case.name, image=image)

    @contextlib.contextmanager
    def open(self, board: Any, image: Any, *, name: str) -> Iterator[object]:
        yield object()

    def run(self, device: Any, case: Any) -> Any:
        unit = "cycles" if self._class == "measured" else "instructions"
        count = next(self._counts)
        return SimpleNamespace(counter=count, counter_unit=unit, counter_class=self._class)


def measure(
    stages: Any, board: str = "nucleo-l4r5zi", *, model: str = "", runs: int = 4
) -> tuple[Path, list[str]]:
    said: list[str] = []
    options = {"model": model, "scheme": "int8-only", "runs": runs}
    return measure_noise(stages, board, say=said.append, **options), said  # type: ignore[arg-type]


def test_a_board_is_run_again_and_again(tmp_path: Path) -> None:
    stages = FakeStages(tmp_path, list(FLOOR.counts), "measured")
    file, said = measure(stages)
    assert file == tmp_path / "nucleo-l4r5zi" / "hardware" / "noise.json"
    assert read_noise(file) == FLOOR
    assert said[0] == "fc_0-int8-only-nucleo-l4r5zi: run 1 of 4: 10,000 cycles"
    assert said[-1] == FLOOR.text()


def test_exact_counts_have_no_noise(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="counts instructions exactly, so it has no noise"):
        measure(FakeStages(tmp_path, [5] * 4, "exact"))
    assert not list(tmp_path.iterdir())


def test_estimates_have_no_noise(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="are estimated; only what was measured can tell"):
        measure(FakeStages(tmp_path, [5] * 4, "estimated"))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"board": "nucleo"}, "no board 'nucleo'; known: .*host, .*nucleo-l4r5zi"),
        ({"board": "host"}, "host measures no latency"),
        ({"model": "fc_99"}, "no model 'fc_99'; known: fc_0"),
        ({"runs": 1}, "--runs must be 2 or more"),
    ],
)
def test_wrong_arguments_are_named(
    tmp_path: Path, arguments: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(ConfigurationError, match=complaint):
        measure(FakeStages(tmp_path, [5] * 4, "measured"), **arguments)
