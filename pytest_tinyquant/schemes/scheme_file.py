"""Reads ``schemes.toml``: the schemes that are built in, and those that a project adds.

A scheme takes over what its ``base`` says, of several bases each what it says beyond those before;
its own keys replace theirs, and its rules come after theirs. A base without rules becomes, for a
scheme with rules, the rule for every operator.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from typing import Final

from pytest_tinyquant.schemes.exchange import file_sha256
from pytest_tinyquant.schemes.rule_table import read_rules
from pytest_tinyquant.schemes.settings import INT16_ACTIVATIONS
from pytest_tinyquant.schemes.settings import Rule
from pytest_tinyquant.schemes.settings import Scheme
from pytest_tinyquant.schemes.steps import read_steps
from pytest_tinyquant.system.toml_table import Table


_CONVERTER_KEYS: Final = ("optimize", "representative", "supported_ops", "supported_types")
_TRAINING_KEYS: Final = ("steps", "epochs", "training")
_KEYS: Final = ("description", "base", "io", "models", "rules", *_TRAINING_KEYS, *_CONVERTER_KEYS)
_OPERATOR_SETS: Final = (
    "TFLITE_BUILTINS",
    "TFLITE_BUILTINS_INT8",
    INT16_ACTIVATIONS,
    "SELECT_TF_OPS",
)
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_.-]*")


def read_schemes(file: Path, known: Mapping[str, Scheme]) -> dict[str, Scheme]:
    """Return the schemes that `file` defines, by name in the file's order.

    :param known: schemes that there are already, which may be bases and keep their names.
    :raises ConfigurationError: for the first thing that cannot be followed.
    """
    top = Table.read(file)
    top.allow(["scheme"])
    tables = top.table("scheme")
    found = dict(known)
    for name in tables.values:
        if name in known:
            raise tables.error(
                f"scheme {name!r} is built in and keeps its meaning; choose another name, with "
                f"base = {name!r}"
            )
        if not _NAME.fullmatch(name):
            raise tables.error(
                f"scheme {name!r}: a name has small letters, digits, '-', '_' and '.' only, since "
                "it stands in the ids of tests and the names of baselines; correct it"
            )
    for name in tables.values:
        _add(name, tables, found, ())
    return {name: found[name] for name in tables.values}


def _add(name: str, tables: Table, found: dict[str, Scheme], way: Sequence[str]) -> Scheme:
    """Read scheme `name` and its bases into `found`; `way` holds those that are being read."""
    if name in found:
        return found[name]
    table = tables.table(name)
    table.allow(_KEYS)
    names = table.strings("base")
    for base in names:
        if base in (*way, name):
            raise table.error(f"base {base!r} leads back to itself; take one of the two away")
        table.choice("base", base, [*found, *tables.values])
    bases = [_add(base, tables, found, (*way, name)) for base in names]
    found[name] = _scheme(name, table, bases)
    return found[name]


def _scheme(name: str, table: Table, bases: Sequence[Scheme]) -> Scheme:
    """Return the scheme that `table` defines on top of `bases`."""
    values: dict[str, Any] = {}
    rules: list[Rule] = []
    for base in bases:
        values |= {key: value for key, value in vars(base).items() if value != _plain(key)}
        inherited = base.rules or base.implied_rules
        rules += [rule for rule in inherited if rule not in rules]
    # What a base does with every operator must not undo the rules of a base before it.
    rules.sort(key=lambda rule: not rule.implied)
    own = read_rules(table)
    if own or any(base.rules for base in bases):
        _refuse_converter_keys(table)
        rules += own
        values |= dict.fromkeys(("supported_ops", "supported_types"), ())
        values |= {"optimize": False, "representative": False}
    else:
        rules = []
        values |= _converter_settings(table)
    if "io" in table.values:
        io = table.get("io", str)
        values["io_dtype"] = table.choice("io", io, ("float32", "int8", "int16"))
    values |= {"name": name, "rules": tuple(rules), "description": _description(table, bases)}
    if "models" in table.values:
        values["models"] = table.strings("models")
    values |= _training(table)
    scheme = Scheme(**values)
    _check(scheme, table)
    _check_steps(scheme, table)
    return scheme


def _plain(key: str) -> Any:
    """Return a field's default, None where it has none."""
    return getattr(Scheme, key, None)


def _check(scheme: Scheme, table: Table) -> None:
    """Refuse what no model could be converted by."""
    integers = scheme.io_dtype != "float32"
    if integers and scheme.rules and not any(rule.activations for rule in scheme.rules):
        raise table.error(
            f"io is {scheme.io_dtype!r}, but no rule quantizes activations; add 'activations' to "
            "a rule, or take io = 'float32'"
        )
    if integers and not scheme.rules and not scheme.representative:
        raise table.error(
            f"io is {scheme.io_dtype!r}, which the converter can do for models with quantized "
            "activations only; add 'representative = true', or a base that has it"
        )


def _training(table: Table) -> dict[str, Any]:
    """Return the steps of the table itself, and what they train on."""
    values: dict[str, Any] = {}
    if "steps" in table.values:
        values["steps"] = read_steps(table)
    if "epochs" in table.values:
        values["epochs"] = table.positive("epochs")
    if "training" in table.values:
        file = table.file.parent / table.get("training", str)
        if not file.is_file():
            raise table.error(
                f"training {file.name!r} does not exist ({file}); correct the name or add the file"
            )
        values |= {"training": str(file), "training_sha256": file_sha256(file)}
    return values


def _check_steps(scheme: Scheme, table: Table) -> None:
    """Refuse steps that the rest of the scheme would undo, and settings without steps."""
    if not scheme.steps:
        for key in ("epochs", "training"):
            if key in table.values:
                raise table.error(f"key {key!r} is for 'steps', and there are none; remove it")
        return
    if any(step.kind == "qat" for step in scheme.steps):
        if INT16_ACTIVATIONS in scheme.supported_ops:
            raise table.error(
                "step 'qat' trains with quantizers of 8 bits, but the scheme has 16-bit "
                "activations, which the converter then refuses; take base = 'int8' or 'int8-only'"
            )
        if scheme.rules or not scheme.representative:
            raise table.error(
                "step 'qat' trains for the converter's int8 activations; take base = 'int8' or "
                "'int8-only', without rules"
            )


def _description(table: Table, bases: Sequence[Scheme]) -> str:
    """Return the user's line, or one that says where the scheme comes from."""
    text = table.get("description", str, "")
    if not text and not bases:
        raise table.error("key 'description' is missing; say in one line what the scheme does")
    changed = [key for key in table.values if key not in ("base", "description", "models")]
    return text or f"{' + '.join(base.name for base in bases)}, own {', '.join(changed) or 'name'}"


def _converter_settings(table: Table) -> dict[str, Any]:
    """Return the settings of TensorFlow Lite's converter that the table itself holds."""
    values: dict[str, Any] = {}
    for key in ("optimize", "representative"):
        if key in table.values:
            values[key] = table.get(key, bool)
    if "supported_ops" in table.values:
        values["supported_ops"] = tuple(
            table.choice("supported_ops entry", name, _OPERATOR_SETS)
            for name in table.strings("supported_ops")
        )
    if "supported_types" in table.values:
        values["supported_types"] = tuple(
            table.choice("supported_types entry", name, ("float16", "int8"))
            for name in table.strings("supported_types")
        )
    return values


def _refuse_converter_keys(table: Table) -> None:
    for key in _CONVERTER_KEYS:
        if key in table.values:
            raise table.error(
                f"key {key!r} is for TensorFlow Lite's converter, but the scheme has rules, which "
                "are for LiteRT's quantizer; remove one of the two"
            )
