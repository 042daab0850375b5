"""The ahead-of-time compiler of the inference engine: a graph to a plan, a plan to C."""

from pytest_tinyquant.engine.emit import EmittedModel
from pytest_tinyquant.engine.emit import Linking
from pytest_tinyquant.engine.plan import PlacedTensor
from pytest_tinyquant.engine.plan import Plan
from pytest_tinyquant.engine.plan import PlanOp
from pytest_tinyquant.engine.plan import TensorInfo


__all__ = [
    "EmittedModel",
    "Linking",
    "PlacedTensor",
    "Plan",
    "PlanOp",
    "TensorInfo",
]
