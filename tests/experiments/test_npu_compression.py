"""Pruned and clustered weights on an Ethos-U: claims over experiments/ethos_u/figures.json.

The figures take a minute to measure, and only the nightly profile does it again for one network:
``python -m experiments.ethos_u --write`` measures all of them and fills the page's tables.
"""

from __future__ import annotations

import copy
import importlib.util
import os
from pathlib import Path

import numpy as np
import pytest

from experiments.ethos_u.claims import CLAIMS
from experiments.ethos_u.claims import Claim
from experiments.ethos_u.networks import NETWORKS
from experiments.ethos_u.networks import VARIANTS
from experiments.ethos_u.networks import Variant
from experiments.ethos_u.networks import changed
from experiments.ethos_u.page import PAGE
from experiments.ethos_u.page import filled
from experiments.ethos_u.page import read_figures


ROOT = Path(__file__).resolve().parents[2]

#: Where a claim does not hold, and what is the case instead.
KNOWN = {
    ("cycles-fall-fast-flash", "DS-CNN-L"): (
        "with half of the weights zero, multipliers decide: 533,733 pruned, 533,877 clustered"
    ),
}


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.name)
def test_a_claim_holds_unless_it_is_known_not_to(claim: Claim, network: str) -> None:
    failures = claim.failures(read_figures()["networks"][network])
    assert bool(failures) == ((claim.name, network) in KNOWN), failures


#: For every claim a change of the figures that it must not survive.
BREAKS = {
    "file-compresses": ("clustered", "gzip", 2.0),
    "weights-encode-smaller": ("both", "encoded", 2.0),
    "cycles-fall-slow-flash": ("both", "cycles Deep-Embedded", 2.0),
    "cycles-fall-fast-flash": ("pruned", "cycles High-End", 2.0),
    "sram-only-does-not": ("both", "cycles Sram_Only", 0.9),
}


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.name)
def test_a_claim_notices_what_it_speaks_of(claim: Claim) -> None:
    figures = copy.deepcopy(read_figures()["networks"]["MobileNetV2"])
    variant, column, factor = BREAKS[claim.name]
    assert not claim.failures(figures)
    figures[variant][column] *= factor
    assert claim.failures(figures)


def test_the_page_has_the_tables_of_the_figures() -> None:
    text = (ROOT / PAGE).read_text("utf-8")
    assert text == filled(text, read_figures()["networks"]), (
        "docs/ethos-u.md is out of date: run python -m experiments.ethos_u --write"
    )


@pytest.mark.parametrize(("name", "values"), [("clustered", 16), ("both", 16), ("pruned", None)])
def test_weights_have_the_zeros_and_values_asked(name: str, values: int | None) -> None:
    kernel = np.random.default_rng(0).normal(size=(3, 3, 40, 50)).astype(np.float32)
    found = changed(kernel, VARIANTS[name])
    if VARIANTS[name].zeros:
        assert np.mean(found == 0) == pytest.approx(0.5, abs=0.001)
        assert (np.abs(kernel)[found == 0]).max() <= (np.abs(kernel)[found != 0]).min()
    if values:
        assert len(np.unique(found)) == values
        assert np.abs(found - kernel).mean() < 0.3
    assert changed(kernel, Variant("as it was")) is kernel


@pytest.mark.skipif(
    importlib.util.find_spec("ethosu") is None or importlib.util.find_spec("tensorflow") is None,
    reason="needs Vela and TensorFlow: pip install 'pytest-tinyquant[ethos-u,convert]'",
)
@pytest.mark.skipif(
    os.environ.get("HYPOTHESIS_PROFILE") != "nightly", reason="only in the nightly profile"
)
@pytest.mark.parametrize("variant", VARIANTS)
def test_the_figures_are_what_vela_says_today(variant: str) -> None:
    from experiments.ethos_u.measure import measure
    from experiments.ethos_u.measure import version

    figures = read_figures()
    if version() != figures["vela"]:
        pytest.skip(f"the figures are those of {figures['vela']}, installed is {version()}")
    assert measure("DS-CNN-L", variant) == figures["networks"]["DS-CNN-L"][variant]
