"""What ``tinyquant noise`` does: measure how far one image scatters on a board, and store it."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.project.board_types import aim


if TYPE_CHECKING:
    from pytest_tinyquant.baselines.noise import NoiseFloor
    from pytest_tinyquant.project.board_types import Board
    from pytest_tinyquant.stages.pipeline import Stages


def measure_noise(
    stages: Stages, name: str, *, model: str, scheme: str, runs: int, say: Callable[[str], None]
) -> Path:
    """Measure the noise floor of the real board ``name`` and return the file that holds it.

    :param model: the model that is run; empty for the project's first.
    :param runs: how often, each time from reset; at least two.
    :param say: is given a line for every run.
    :raises ConfigurationError: there is no such board, model or scheme, or it counts exactly.
    :raises BoardNotFoundError: no such board is attached.
    """
    from pytest_tinyquant.baselines.noise import noise_file
    from pytest_tinyquant.baselines.noise import write_noise

    project = stages.project
    if runs < 2:
        raise ConfigurationError(
            "tinyquant noise: --runs must be 2 or more: the spread of one run is undefined"
        )
    _known("board", name, project.boards)
    board = aim(project.boards[name], "hardware", attached=())
    if not board.runs_firmware:
        raise ConfigurationError(f"{name} measures no latency, so it has no noise")
    floor = _run(stages, board, model=model, scheme=scheme, runs=runs, say=say)
    file = noise_file(project.baselines_dir, board.name, board.target)
    write_noise(file, floor)
    say(floor.text())
    return file


def _run(
    stages: Stages,
    board: Board,
    *,
    model: str,
    scheme: str,
    runs: int,
    say: Callable[[str], None],
) -> NoiseFloor:
    """Build one image and run it so often."""
    from pytest_tinyquant.baselines.noise import NUMBER_CLASS
    from pytest_tinyquant.baselines.noise import NoiseFloor
    from pytest_tinyquant.firmware.image import FirmwareImage
    from pytest_tinyquant.metrics.registry import METRICS
    from pytest_tinyquant.project.case import Case

    models, schemes = stages.project.models, stages.project.schemes
    model = model or next(iter(models), "")
    _known("model", model, models)
    _known("scheme", scheme, schemes)
    stages.reachable(board)
    case = stages.prepare(Case(models[model], schemes[scheme], board))
    image, where = case.image, case.name
    assert isinstance(image, FirmwareImage), "boards other than the host run firmware"
    counts = []
    own: dict[str, list[float]] = {
        metric: [] for metric in board.metrics if board.is_metered and METRICS[metric].metered
    }
    with stages.open(board, image, name=f"noise-{where}") as device:
        for run in range(1, runs + 1):
            record = stages.run(device, case)
            if record.counter is None or record.counter_class == "exact":
                raise ConfigurationError(
                    f"{board.name} counts {record.counter_unit} exactly, so it has no noise; the "
                    "gate of exact numbers is 0"
                )
            if record.counter_class != NUMBER_CLASS:
                raise ConfigurationError(
                    f"{board.name}: its {record.counter_unit} are {record.counter_class}; only "
                    f"what was {NUMBER_CLASS} can tell how far a board scatters"
                )
            counts.append(record.counter)
            measured = stages.evaluate(case, record).metrics if own else {}
            for metric, values in own.items():
                values.append(measured[metric][METRICS[metric].primary].value)
            say(f"{where}: run {run} of {runs}: {record.counter:,} {record.counter_unit}")
    metrics = {metric: tuple(values) for metric, values in own.items()}
    return NoiseFloor(model, scheme, record.counter_unit, image.toolchain, tuple(counts), metrics)


def _known(what: str, name: str, known: Collection[str]) -> None:
    if name not in known:
        raise ConfigurationError(f"no {what} {name!r}; known: {', '.join(known)}")
