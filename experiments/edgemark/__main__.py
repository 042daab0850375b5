"""``python -m experiments.edgemark``: the study's claims over published and own figures."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from experiments.edgemark.evaluate import FINDINGS_FILE
from experiments.edgemark.evaluate import dump
from experiments.edgemark.evaluate import own_results
from experiments.edgemark.evaluate import published_results
from experiments.edgemark.page import page
from pytest_tinyquant.errors import TinyQuantError
from pytest_tinyquant.project.project import load_project
from pytest_tinyquant.project.settings import Settings
from pytest_tinyquant.system.atomic import write_text


def main(arguments: list[str] | None = None) -> int:
    """Print the page of claims, or write it and accept the findings that it tells."""
    parser = argparse.ArgumentParser("python -m experiments.edgemark", description=__doc__)
    parser.add_argument("root", nargs="?", type=Path, default=Path(), help="the repository")
    parser.add_argument(
        "--write", action="store_true", help="write docs/claims.md and accept its findings"
    )
    parser.add_argument(
        "--findings", type=Path, default=FINDINGS_FILE, metavar="FILE", help="where they are kept"
    )
    options = parser.parse_args(arguments)
    root: Path = options.root.absolute()
    settings = Settings(root=root, models_dir=root / "models", baselines_dir=root / "baselines")
    try:
        own = own_results(load_project(settings, root, attached=()))
        text = page(published_results(settings.baselines_dir), own)
    except TinyQuantError as error:
        print(error, file=sys.stderr)
        return 1
    if not options.write:
        print(text)
        return 0
    write_text(root / "docs" / "claims.md", text)
    write_text(options.findings, dump(own))
    return 0


if __name__ == "__main__":
    sys.exit(main())
