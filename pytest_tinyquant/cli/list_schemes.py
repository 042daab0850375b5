"""What ``tinyquant schemes`` prints: every scheme of the project, with what it does."""

from __future__ import annotations

import argparse
from pathlib import Path

from pytest_tinyquant.cli.current_project import current_project
from pytest_tinyquant.schemes.scheme import FILE_NAME
from pytest_tinyquant.schemes.scheme import SCHEMES
from pytest_tinyquant.schemes.settings import Scheme


def run(options: argparse.Namespace) -> int:
    """Print all schemes of the current project; return 0."""
    del options
    for scheme in current_project().schemes.values():
        source = "built in" if scheme.name in SCHEMES else FILE_NAME
        print(f"{scheme.name}: {scheme.description} ({source})")
        for line in _steps(scheme):
            print(f"    {line}")
    return 0


def _steps(scheme: Scheme) -> list[str]:
    """Return what is done under a scheme, one line each."""
    lines = [f"models: {', '.join(scheme.models)}"] if scheme.models else []
    if scheme.steps:
        data = Path(scheme.training).name if scheme.training else "the float model's own answers"
        lines.append(f"steps, training on {data}: {'; '.join(step.text for step in scheme.steps)}")
    if scheme.rules:
        lines.append(f"LiteRT's quantizer, input and output {scheme.io_dtype}")
        return lines + [f"  {rule.selection}: {rule.text}" for rule in scheme.rules]
    settings = [
        "optimize" if scheme.optimize else "",
        "representative samples" if scheme.representative else "",
        *scheme.supported_ops,
        *scheme.supported_types,
    ]
    made = ", ".join(filter(None, settings)) or "as it is"
    lines.append(f"TensorFlow Lite's converter, input and output {scheme.io_dtype}: {made}")
    return lines
