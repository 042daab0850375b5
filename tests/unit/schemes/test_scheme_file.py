"""schemes.toml: what a project may write, what it inherits, and one clear error for the rest."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.schemes.scheme import SCHEMES
from pytest_tinyquant.schemes.scheme import Scheme
from pytest_tinyquant.schemes.scheme import in_order
from pytest_tinyquant.schemes.scheme import load_schemes


Read = Callable[[str], dict[str, Scheme]]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Return what reads the text of a schemes.toml."""

    def read(text: str) -> dict[str, Scheme]:
        (tmp_path / "schemes.toml").write_text(text)
        return load_schemes(tmp_path / "schemes.toml")

    return read


def test_without_a_file_there_are_the_seven(tmp_path: Path) -> None:
    assert load_schemes(tmp_path / "schemes.toml") == SCHEMES


def test_a_projects_schemes_follow_the_seven(read: Read) -> None:
    found = read('[scheme.mine]\nbase = "int8"\n[scheme.also]\nbase = "mine"\n')
    assert list(found) == [*SCHEMES, "mine", "also"]
    assert in_order(["mine", "int8", "also", "basic"]) == ["basic", "int8", "also", "mine"]


def test_a_scheme_inherits_converter_settings_and_changes_some(read: Read) -> None:
    mine = read('[scheme.mine]\nbase = "int8-only"\nsupported_ops = "TFLITE_BUILTINS"\n')["mine"]
    assert (mine.optimize, mine.representative, mine.io_dtype) == (True, True, "int8")
    assert mine.supported_ops == ("TFLITE_BUILTINS",)
    assert mine.description == "int8-only, own supported_ops"
    assert not mine.integers_only


RECIPES = """
[scheme.both]
base = ["float-first", "w4-dense"]
io = "float32"

[scheme.w4-dense]
description = "dense layers with int4 weights"
base = "int8-only"
rules = [{ operators = "FULLY_CONNECTED", weights = 4, activations = 8, algorithm = "mse" }]

[scheme.float-first]
base = "16x8"
rules = [{ layers = "conv_0|dense_0", float = true }, { tensors = ["last"], float = true }]

[scheme.plain]
description = "only what a rule names"
rules = [{ operators = ["CONV_2D"], weights = 8, compute = "float" }]
"""


def _rules(scheme: Scheme) -> list[tuple[str, str]]:
    return [(rule.selection, rule.text) for rule in scheme.rules]


def test_a_base_becomes_the_rule_for_every_operator(read: Read) -> None:
    found = read(RECIPES)
    assert _rules(found["w4-dense"]) == [
        ("every operator", "int8 weights, int8 activations"),
        ("FULLY_CONNECTED", "int4 weights, int8 activations (mse)"),
    ]
    assert _rules(found["float-first"])[0] == (
        "every operator",
        "int8 weights, int16 activations",
    )
    assert _rules(found["plain"]) == [("CONV_2D", "int8 weights, dequantized")]
    assert found["w4-dense"].integers_only
    assert not found["float-first"].integers_only
    assert all(scheme.quantizes for scheme in found.values() if scheme.name != "basic")


def test_schemes_compose_in_the_order_of_their_bases(read: Read) -> None:
    """What a later base does with every operator does not undo an earlier one's rules."""
    both = read(RECIPES)["both"]
    assert _rules(both) == [
        ("every operator", "int8 weights, int16 activations"),
        ("every operator", "int8 weights, int8 activations"),
        ("layers conv_0|dense_0", "float32"),
        ("tensors last", "float32"),
        ("FULLY_CONNECTED", "int4 weights, int8 activations (mse)"),
    ]
    assert (both.io_dtype, both.optimize, both.supported_ops) == ("float32", False, ())


def test_a_rule_of_two_bases_is_taken_once(read: Read) -> None:
    found = read(
        f"{RECIPES}\n[scheme.x]\nbase = 'w4-dense'\n[scheme.y]\nbase = 'w4-dense'\n"
        "[scheme.z]\nbase = ['x', 'y']\n"
    )
    assert found["z"].rules == found["w4-dense"].rules


def test_texts_and_names_change_no_conversion(read: Read) -> None:
    one = read('[scheme.one]\nbase = "w4"\n[scheme.w4]\nbase = "int8"\nmodels = "cnn*"\n'
               'rules = [{ weights = 4, operators = "CONV_2D" }]\n')  # fmt: skip
    assert one["one"].content() == one["w4"].content()
    assert one["one"].content() != one["int8"].content()
    other = read('[scheme.w4]\nbase = "int8"\nrules = [{ weights = 8, operators = "CONV_2D" }]\n')
    assert other["w4"].content() != one["w4"].content()


def test_a_scheme_may_be_for_some_models_only(read: Read) -> None:
    mine = read('[scheme.mine]\nbase = "int8"\nmodels = ["cnn_*", "fc_9"]\n')["mine"]
    assert [name for name in ("cnn_4", "fc_9", "fc_8") if mine.is_for(name)] == ["cnn_4", "fc_9"]


RULE = '[scheme.mine]\nbase = "int8"\nrules = [{ %s }]'

BAD: dict[str, tuple[str, str]] = {
    "unknown table": ("[schema.mine]", "unknown key 'schema' (closest: 'scheme')"),
    "unknown key": ('[scheme.mine]\nbas = "int8"', "unknown key 'bas' (closest: 'base')"),
    "unknown base": ('[scheme.mine]\nbase = "int9"', "base 'int9' is not known (closest: 'int8')"),
    "redefined": ('[scheme.int8]\nio = "int8"', "scheme 'int8' is built in and keeps its meaning"),
    "name": ('[scheme."A B"]\nbase = "int8"', "scheme 'A B': a name has small letters, digits"),
    "circle": (
        '[scheme.a]\nbase = "b"\n[scheme.b]\nbase = "a"',
        "[scheme.b]: base 'a' leads back to itself",
    ),
    "itself": ('[scheme.a]\nbase = "a"', "[scheme.a]: base 'a' leads back to itself"),
    "no description": ("[scheme.a]\noptimize = true", "key 'description' is missing"),
    "empty rules": ('[scheme.a]\nbase = "int8"\nrules = []', "key 'rules' is empty"),
    "io": ('[scheme.a]\nbase = "int8"\nio = "int4"', "io 'int4' is not known"),
    "int io of floats": ('[scheme.a]\nbase = "basic"\nio = "int8"', "add 'representative = true'"),
    "int io of weights": (
        '[scheme.a]\nbase = "basic"\nio = "int8"\nrules = [{ weights = 8 }]',
        "no rule quantizes activations",
    ),
    "two tools": (
        '[scheme.a]\nbase = "int8"\noptimize = true\nrules = [{ weights = 8 }]',
        "key 'optimize' is for TensorFlow Lite's converter, but the scheme has rules",
    ),
    "operator set": (
        '[scheme.a]\nbase = "int8"\nsupported_ops = "TFLITE"',
        "supported_ops entry 'TFLITE' is not known",
    ),
    "unknown rule key": (RULE % "weight = 8", "unknown key 'weight' (closest: 'weights')"),
    "no weights": (RULE % "activations = 8", "rule 1 of [scheme.mine]: key 'weights' is missing"),
    "weights": (RULE % "weights = 2", "key 'weights' must be one of 4, 8, 16 bits, not 2"),
    "activations": (RULE % "weights = 8, activations = 4", "one of 8, 16 bits, not 4"),
    "algorithm": (RULE % 'weights = 8, algorithm = "min"', "algorithm 'min' is not known"),
    "granularity": (RULE % 'weights = 8, granularity = "row"', "granularity 'row' is not known"),
    "operator": (
        RULE % 'weights = 8, operators = "CONV2D"',
        "operators entry 'CONV2D' is not known (closest: 'CONV_2D')",
    ),
    "no operator": (RULE % "weights = 8, operators = []", "key 'operators' is empty"),
    "pattern": (RULE % 'weights = 8, layers = "conv_("', "is no regular expression: missing )"),
    "float and int": (
        RULE % "float = true, weights = 8",
        "leaves operators in float32, but key 'weights' says how to quantize them",
    ),
    "float16 activations": (RULE % "weights = 16, activations = 8", "stores them as float16"),
    "float activations": (
        RULE % 'weights = 8, activations = 8, compute = "float"',
        "computes in float32, but 'activations' asks for integers",
    ),
    "contradiction": (
        RULE % 'weights = 8, layers = "a" }, { float = true, layers = "a"',
        "rule 2 contradicts rule 1: both speak of the same operators; keep one of them",
    ),
    "no rule": ("[scheme.a]\nbase = 'int8'\nrules = [3]", "key 'rules[0]' must be a table"),
    "no table": ("scheme = 3", "key 'scheme' must be a table"),
    "no TOML": ("[scheme", "not valid TOML"),
}


@pytest.mark.parametrize(("text", "message"), BAD.values(), ids=BAD.keys())
def test_what_cannot_be_followed_is_one_clear_error(read: Read, text: str, message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read(text)
    said = str(caught.value)
    assert message in said
    assert "schemes.toml: " in said
    assert "\n" not in said


@pytest.mark.parametrize("value", ["1", "[1]", "{ a = 1 }", "true", '"x"', "1e999", "[[]]"])
@pytest.mark.parametrize("key", ["base", "io", "rules", "models", "optimize", "description"])
def test_a_value_of_another_type_is_named(read: Read, key: str, value: str) -> None:
    """Never anything but a scheme or a ConfigurationError, whatever a key holds."""
    lines = {"base": '"int8"', "description": '"d"'} | {key: value}
    text = "[scheme.a]\n" + "".join(f"{name} = {entry}\n" for name, entry in lines.items())
    found: Any = None
    try:
        found = read(text)["a"]
    except ConfigurationError as error:
        assert key in str(error) or "scheme.a" in str(error)
    assert found is None or isinstance(found, Scheme)
