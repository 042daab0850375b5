"""``python -m experiments.ethos_u --write``: measure all, fill the tables of docs/ethos-u.md."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path


os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from experiments.ethos_u.claims import CLAIMS
from experiments.ethos_u.measure import measure
from experiments.ethos_u.measure import version
from experiments.ethos_u.networks import NETWORKS
from experiments.ethos_u.networks import VARIANTS
from experiments.ethos_u.page import FIGURES_FILE
from experiments.ethos_u.page import PAGE
from experiments.ethos_u.page import filled
from experiments.ethos_u.page import tables
from pytest_tinyquant.errors import TinyQuantError
from pytest_tinyquant.system.atomic import write_text


def main(arguments: list[str] | None = None) -> int:
    """Measure every network with every change of its weights, and print or write the tables."""
    parser = argparse.ArgumentParser("python -m experiments.ethos_u", description=__doc__)
    parser.add_argument("--write", action="store_true", help="write the figures and the page")
    options = parser.parse_args(arguments)
    try:
        vela = version()
        found = {name: {kind: measure(name, kind) for kind in VARIANTS} for name in NETWORKS}
    except TinyQuantError as error:
        print(error, file=sys.stderr)
        return 1
    print(tables(found))
    for claim in CLAIMS:
        for network, figures in found.items():
            told = ", ".join(f"{what}: {a:g} >= {b:g}" for what, (a, b) in
                             claim.failures(figures).items())  # fmt: skip
            print(f"{claim.name:24} {network:12} {told or 'holds'}")
    if options.write:
        text = json.dumps({"vela": vela, "networks": found}, indent=1) + "\n"
        write_text(FIGURES_FILE, text)
        page = Path(__file__).resolve().parents[2] / PAGE
        write_text(page, filled(page.read_text("utf-8"), found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
