"""Runs a model that some libraries silently get wrong on this computer as well."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_tinyquant.measure.dense_scales import check_dense_scales


if TYPE_CHECKING:
    from pytest_tinyquant.boards.device import RunRecord
    from pytest_tinyquant.models.graph import Graph
    from pytest_tinyquant.models.model import Model
    from pytest_tinyquant.schemes.convert import ConvertedModel
    from pytest_tinyquant.stages.pipeline import Stages


def check_on_host(
    stages: Stages,
    model: Model,
    converted: ConvertedModel,
    graph: Graph,
    record: RunRecord,
    *,
    where: str,
) -> None:
    """Compare a board's outputs with the host's.

    :raises InvalidOutputError: the board's library took one scale for all channels.
    """
    image = stages.host_image(model, graph, converted.path, where=where)
    with stages.open(stages.host_board(), image, name=f"{where} on the host") as device:
        reference = device.run()
    expected = stages.reference(model, "outputs")
    check_dense_scales(record, reference, expected, graph, where=where)
