"""Reads the rules of a scheme: which operators LiteRT's quantizer is to treat in which way."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from pytest_tinyquant.schemes.settings import Rule
from pytest_tinyquant.system.toml_table import Table


#: Operators that LiteRT's quantizer can quantize, by TensorFlow Lite's names.
OPERATORS: Final = (
    "ADD", "AVERAGE_POOL_2D", "BATCH_MATMUL", "BROADCAST_TO", "CONCATENATION", "CONV_2D",
    "DEPTHWISE_CONV_2D", "DIV", "DYNAMIC_UPDATE_SLICE", "EMBEDDING_LOOKUP", "EQUAL",
    "FULLY_CONNECTED", "GATHER", "GATHER_ND", "GELU", "HARD_SWISH", "LOGISTIC", "MAXIMUM",
    "MAX_POOL_2D", "MEAN", "MIRROR_PAD", "MUL", "NOT_EQUAL", "PACK", "PAD", "PADV2", "REDUCE_MIN",
    "RELU", "RESHAPE", "RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR", "RSQRT", "SELECT",
    "SELECT_V2", "SLICE", "SOFTMAX", "SPACE_TO_DEPTH", "SPLIT", "SQRT", "SQUARED_DIFFERENCE",
    "STRIDED_SLICE", "SUB", "SUM", "TANH", "TRANSPOSE", "TRANSPOSE_CONV", "UNPACK",
)  # fmt: skip

ALGORITHMS: Final = ("minmax", "mse", "octav", "gptq")

_SELECTORS: Final = ("layers", "tensors", "operators")
_RULE_KEYS: Final = (
    *_SELECTORS, "float", "weights", "activations", "algorithm", "granularity", "compute",
)  # fmt: skip


def read_rules(table: Table) -> list[Rule]:
    """Return the rules under the key ``rules`` of a scheme's table, in order.

    :raises ConfigurationError: for the first thing in them that cannot be followed.
    """
    if "rules" not in table.values:
        return []
    rows = table.array("rules", dict)
    if not rows:
        raise table.error("key 'rules' is empty; add a rule or remove the key")
    rules: list[Rule] = []
    for number, row in enumerate(rows, start=1):
        label = f"rule {number} of {table.label}"
        rule = _rule(Table(row, file=table.file, label=label))
        for earlier in rules:
            if _selectors(earlier) == _selectors(rule):
                raise table.error(
                    f"rule {number} contradicts {earlier.where.partition(' of ')[0]}: both speak "
                    "of the same operators; keep one of them"
                )
        rules.append(rule)
    return rules


def _selectors(rule: Rule) -> tuple[str, frozenset[str], frozenset[str]]:
    return rule.layers, frozenset(rule.tensors), frozenset(rule.operators)


def _rule(row: Table) -> Rule:
    """Return one checked rule."""
    row.allow(_RULE_KEYS)
    selected = Rule(
        layers=_pattern(row),
        tensors=row.strings("tensors"),
        operators=tuple(
            row.choice("operators entry", name, OPERATORS) for name in row.strings("operators")
        ),
        where=row.label,
    )
    if row.get("float", bool, False):
        others = [key for key in row.values if key not in (*_SELECTORS, "float")]
        if others:
            raise row.error(
                f"'float = true' leaves operators in float32, but key {others[0]!r} says how to "
                "quantize them; remove one of the two"
            )
        return replace(selected, weights=0)
    if "weights" not in row.values:
        raise row.error("key 'weights' is missing; add 4, 8 or 16 (float16), or 'float = true'")
    rule = replace(
        selected,
        weights=_bits(row, "weights", (4, 8, 16)),
        activations=_bits(row, "activations", (8, 16)) if "activations" in row.values else 0,
        algorithm=row.choice("algorithm", row.get("algorithm", str, "minmax"), ALGORITHMS),
        granularity=_choice(row, "granularity", ("tensor", "channel")),
        compute=_choice(row, "compute", ("integer", "float")) or "integer",
    )
    _check_rule(rule, row)
    return rule


def _check_rule(rule: Rule, row: Table) -> None:
    """Refuse keys of one rule that cannot both be followed."""
    if rule.weights == 16 and (rule.activations or rule.algorithm != "minmax" or rule.granularity):
        raise row.error(
            "'weights = 16' stores them as float16, which has no activations, algorithm or "
            "granularity to choose; remove those keys"
        )
    if rule.activations and rule.compute == "float":
        raise row.error(
            "'compute = \"float\"' dequantizes the weights and computes in float32, but "
            "'activations' asks for integers; remove one of the two"
        )


def _bits(row: Table, key: str, choices: Sequence[int]) -> int:
    value = row.get(key, int)
    if value not in choices:
        listed = ", ".join(map(str, choices))
        raise row.error(f"key {key!r} must be one of {listed} bits, not {value}; correct it")
    return value


def _choice(row: Table, key: str, choices: Sequence[str]) -> str:
    return row.choice(key, row.get(key, str), choices) if key in row.values else ""


def _pattern(row: Table) -> str:
    text = row.get("layers", str, "")
    try:
        re.compile(text)
    except re.error as error:
        raise row.error(
            f"key 'layers' is no regular expression: {error}; correct {text!r}"
        ) from None
    return text
