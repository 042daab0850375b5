"""Runs a model that some libraries silently get wrong on this computer as well."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_tinyquant.errors import located
from pytest_tinyquant.measure.dense_scales import check_dense_scales


if TYPE_CHECKING:
    from pytest_tinyquant.boards.device import RunRecord
    from pytest_tinyquant.project.case import Parsed
    from pytest_tinyquant.stages.steps import Steps


def check_on_host(steps: Steps, case: Parsed, record: RunRecord) -> None:
    """Compare a board's outputs with the host's.

    :raises InvalidOutputError: the board's library took one scale for all channels.
    """
    image, name = steps.host_image(case), f"{case.name} on the host"
    with steps.open(steps.host_board(), image, name=name) as device:
        reference = device.run()
    expected = steps.reference(case.model, "outputs")
    with located(case.name):
        check_dense_scales(record, reference, expected, case.graph)
