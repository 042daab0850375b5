"""A model's size and the places of its tensors, for reports."""

from __future__ import annotations

import json

import pytest
from model_builder import ModelBuilder

from pytest_tinyquant.engine.plan import plan as make_plan
from pytest_tinyquant.measure.model_structure import Structure
from pytest_tinyquant.measure.model_structure import structure_of
from pytest_tinyquant.measure.model_structure import structure_of_plan
from pytest_tinyquant.models.graph import Graph
from pytest_tinyquant.models.tflite_reader import read_graph


@pytest.fixture
def graph(int8_cnn: bytes) -> Graph:
    return read_graph(int8_cnn)


def test_parameters_are_weights_and_biases_and_nothing_else(graph: Graph) -> None:
    convolution, dense = 4 * 3 * 3 * 2 + 4, 3 * 64 + 3
    structure = structure_of(graph)
    assert structure is not None
    assert structure.parameters == convolution + dense


def test_multiply_accumulates_are_counted_by_operator(graph: Graph) -> None:
    structure = structure_of_plan(make_plan(graph))
    assert structure.macs == (8 * 8 * 4 * 3 * 3 * 2, 0, 3 * 64, 0)


def test_the_arena_is_the_plans_with_tensors_named_after_their_writers(graph: Graph) -> None:
    plan = make_plan(graph)
    structure = structure_of_plan(plan)
    assert max(p.offset + p.size for p in structure.arena) <= plan.arena_bytes
    assert structure.arena_bound == plan.lower_bound_bytes
    first = structure.arena[0]
    assert (first.first, first.offset + first.size) == (-1, first.offset + 128)
    assert "conv2d[0] output" in [placement.name for placement in structure.arena]


def test_without_a_plan_there_is_no_arena(graph: Graph) -> None:
    structure = structure_of(graph)
    assert structure is not None
    assert structure.arena == ()


def test_a_model_that_the_engine_cannot_lower_has_no_structure(builder: ModelBuilder) -> None:
    source, result = builder.tensor((1, 4)), builder.tensor((1, 4))
    builder.operator("COMPLEX_ABS", [source], [result])
    assert structure_of(read_graph(builder.build([source], [result]))) is None


def test_it_survives_json(graph: Graph) -> None:
    structure = structure_of_plan(make_plan(graph))
    assert Structure.from_json(json.loads(json.dumps(structure.to_json()))) == structure
