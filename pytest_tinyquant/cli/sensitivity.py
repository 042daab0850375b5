"""``tinyquant sensitivity``: what each layer's bits cost, and a recipe that is smaller."""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

from rich.markup import escape
from rich.table import Table

from pytest_tinyquant.cli.current_project import current_project
from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.models.model import Model
from pytest_tinyquant.project.case import Case
from pytest_tinyquant.project.selection import choose
from pytest_tinyquant.schemes.scheme import FILE_NAME
from pytest_tinyquant.schemes.scheme import load_schemes
from pytest_tinyquant.schemes.settings import Scheme
from pytest_tinyquant.stages.pipeline import Stages
from pytest_tinyquant.stages.sensitivity import MixedScheme
from pytest_tinyquant.stages.sensitivity import propose
from pytest_tinyquant.system.plain_console import plain_console


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("model", help="a model's name")
    parser.add_argument("--base", default="int8-only", help="default: int8-only")
    limit = parser.add_mutually_exclusive_group()
    limit.add_argument(
        "--max-error", type=float, help="error of range that the recipe may have; default: 0.01"
    )
    limit.add_argument("--max-bytes", type=int, help="size of the file to get down to")
    parser.add_argument("--name", help="the proposed scheme's name; default: MODEL-small")
    parser.add_argument(
        "--write", action="store_true", help=f"append the proposal to the project's {FILE_NAME}"
    )


def run(options: argparse.Namespace) -> int:
    """Measure, propose, verify on the host and print; return 1 if the host says otherwise."""
    with tempfile.TemporaryDirectory(prefix="tinyquant-") as work:
        project = current_project(work_dir=Path(work))
        (name,) = choose([options.model], project.models, what="model", where="sensitivity")
        (base,) = choose([options.base], project.schemes, what="scheme", where="--base")
        model = project.models[name]
        if model.kind == "tflite":
            raise ConfigurationError(
                f"{name}: it came as .tflite and is taken as it is; give the model that it was "
                "converted from"
            )
        stages = Stages(project)
        max_error = options.max_error
        if max_error is None and options.max_bytes is None:
            max_error = 0.01
        found = propose(
            stages, model, project.schemes[base], max_error=max_error,
            max_bytes=options.max_bytes, say=print,
        )  # fmt: skip
        text = scheme_text(options.name or f"{name.replace('/', '-')}-small", model, base, found)
        plain_console().print(_table(found))
        print(text)
        scheme = _read(text, Path(work))
        measured = stages.measure(Case(model, scheme, stages.host_board()))
        error = measured.metrics["error"]["mae"].value
        print(f"verified on the host: error {error:.5f} of range")
        if max_error is not None and error > max_error:
            print(f"that is above the {max_error:g} that was asked for; allow less and try again")
            return 1
        if options.write:
            _append(project.root / FILE_NAME, scheme.name, text)
    return 0


def scheme_text(name: str, model: Model, base: str, found: MixedScheme) -> str:
    """Return the proposal as a table of schemes.toml."""
    lines = [
        f"[scheme.{json.dumps(name) if '.' in name else name}]",
        f'description = "four bits in {len(found.narrow)} of {len(found.layers)} layers: error '
        f"{found.trial.error:.5f} ({base}: {found.base.error:.5f}), {found.trial.bytes:,} bytes "
        f'({found.base.bytes:,})"',
        f"base = {json.dumps(base)}",
        f"models = {json.dumps(model.name)}",
        "rules = [",
    ]
    for rule in found.rules:
        lines.append(
            f"    {{ weights = {rule.weights}, activations = {rule.activations}, "
            f"algorithm = {json.dumps(rule.algorithm)}, tensors = ["
        )
        lines += [f"        {json.dumps(tensor)}," for tensor in rule.tensors]
        lines.append("    ] },")
    return "\n".join([*lines, "]"])


def _read(text: str, folder: Path) -> Scheme:
    file = folder / FILE_NAME
    file.write_text(text, "utf-8")
    return list(load_schemes(file).values())[-1]


def _append(file: Path, name: str, text: str) -> None:
    """Add the scheme to the project's file, which keeps what is in it.

    :raises ConfigurationError: it has a scheme of that name.
    """
    if name in load_schemes(file):
        raise ConfigurationError(f"{file}: there is a scheme {name!r}; give another --name")
    before = file.read_text("utf-8") if file.is_file() else ""
    file.write_text(f"{before.rstrip()}\n\n{text}\n".lstrip(), "utf-8")
    print(f"wrote {file.name}")


def _table(found: MixedScheme) -> Table:
    table = Table("layer", "four bits", "bytes saved", "by", "it alone", "it left float", "chosen")
    for layer in found.layers:
        table.add_row(
            escape(layer.label),
            f"{layer.narrow.error:.5f}",
            f"{found.base.bytes - layer.narrow.bytes:,}",
            layer.algorithm,
            f"{layer.alone.error:.5f}",
            f"{layer.left_float.error:.5f}",
            "yes" if layer in found.narrow else "",
        )
    return table
