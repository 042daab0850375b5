"""What the guides say of pruning, clustering and QAT, over experiments/compression/baselines.

The baselines themselves take minutes of training: ``pytest -c experiments/compression/pytest.ini
--rootdir experiments/compression experiments/compression``.
"""

from __future__ import annotations

import copy

import pytest

from experiments.compression.claims import CLAIMS
from experiments.compression.claims import MODELS
from experiments.compression.claims import PLAIN
from experiments.compression.claims import Claim
from experiments.compression.claims import read_numbers


#: Where a claim does not hold, and what is the case instead.
KNOWN = {
    ("qat-accuracy", "fc_9"): "49 of 50 samples right instead of 50; the error halves all the same",
    ("qat-accuracy", "fc_10"): "30 of 50 samples right instead of 33",
    ("qat-recovers", "cnn_7"): "mean error 0.0113 instead of 0.0096 of range",
    ("qat-recovers", "fc_9"): "mean error 0.0064 instead of 0.0058 of range",
}


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.name)
def test_a_claim_holds_unless_it_is_known_not_to(claim: Claim, model: str) -> None:
    failures = claim.failures(read_numbers(model))
    assert bool(failures) == ((claim.name, model) in KNOWN), failures


#: For every claim a change of the figures that it must not survive.
BREAKS = {
    "compressed-size-shrinks": ("prune50", "compressed gzip", 2.0),
    "both-compress-more": ("pcqat", "compressed gzip", 2.0),
    "flash-does-not": ("prune80", "flash total", 0.6),
    "latency-does-not": ("cluster16", "latency invoke", 0.6),
    "qat-accuracy": ("qat", "error ", 0.5),
    "qat-recovers": ("pqat", "error mae", 100.0),
    "collaborative-keeps-both": ("pcqat", "compressed values", 3.0),
}


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.name)
def test_a_claim_notices_what_it_speaks_of(claim: Claim) -> None:
    numbers = copy.deepcopy(read_numbers("fc_9"))
    scheme, changed, factor = BREAKS[claim.name]
    for name in numbers[scheme]:
        if name.startswith(changed):
            numbers[scheme][name] *= factor
    assert numbers[scheme] != read_numbers("fc_9")[scheme] and scheme != PLAIN
    assert claim.failures(numbers)
