"""What the guides of Model Optimization and Vela say of these steps, over the baselines beside it.

``python -m experiments.compression.claims`` prints what each came to, and on which figures.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final


BASELINES: Final = Path(__file__).with_name("baselines") / "nucleo-l4r5zi" / "emulator"
MODELS: Final = ("cnn_4", "cnn_7", "fc_9", "fc_10")
#: What the steps are held against: the same settings without them.
PLAIN: Final = "int8-only"
STEPS: Final = ("prune50", "prune80", "cluster16", "qat", "pqat", "cqat", "pcqat")

#: Of flash and latency: more than the tables of other constants move them, less than any saving
#: that half of the weights would give.
SAME: Final = 0.02

Numbers = Mapping[str, Mapping[str, float]]
"""Numbers of one model by scheme and ``metric part``."""


@dataclass(frozen=True)
class Claim:
    """Something said of the steps.

    :param check: returns for one model pairs that must be in ascending order, by what they are.
    """

    name: str
    says: str
    check: Callable[[Numbers], Mapping[str, tuple[float, float]]]

    def failures(self, numbers: Numbers) -> dict[str, tuple[float, float]]:
        """Return what speaks against the claim: pairs whose first number is the larger."""
        return {what: pair for what, pair in self.check(numbers).items() if pair[0] > pair[1]}


def _smaller(numbers: Numbers) -> dict[str, tuple[float, float]]:
    steps = ("prune50", "prune80", "cluster16", "pqat", "cqat", "pcqat")
    return {
        f"gzip {name}, 90 % of {PLAIN}": (
            numbers[name]["compressed gzip"],
            0.9 * numbers[PLAIN]["compressed gzip"],
        )
        for name in steps
    }


def _both_smaller(numbers: Numbers) -> dict[str, tuple[float, float]]:
    sizes = {name: row["compressed gzip"] for name, row in numbers.items()}
    return {
        "gzip pcqat, pqat": (sizes["pcqat"], sizes["pqat"]),
        "gzip pcqat, cqat": (sizes["pcqat"], sizes["cqat"]),
    }


def _unmoved(metric: str) -> Callable[[Numbers], dict[str, tuple[float, float]]]:
    def check(numbers: Numbers) -> dict[str, tuple[float, float]]:
        plain = numbers[PLAIN][metric]
        return {
            f"{metric} {name}, relative change": (abs(numbers[name][metric] / plain - 1), SAME)
            for name in STEPS
        }

    return check


def _accuracy(numbers: Numbers) -> dict[str, tuple[float, float]]:
    part = "error accuracy" if "error accuracy" in numbers[PLAIN] else "error top1"
    return {f"{part} {PLAIN}, qat": (numbers[PLAIN][part], numbers["qat"][part])}


def _recovers(numbers: Numbers) -> dict[str, tuple[float, float]]:
    return {
        "error mae pqat, prune50": (numbers["pqat"]["error mae"], numbers["prune50"]["error mae"])
    }


def _keeps(numbers: Numbers) -> dict[str, tuple[float, float]]:
    pairs = {}
    for name in ("pqat", "pcqat"):
        pairs[f"zeros asked, {name}"] = (0.5, numbers[name]["compressed zeros"])
    for name in ("cqat", "pcqat"):
        pairs[f"values {name}, asked"] = (numbers[name]["compressed values"], 16.0)
    return pairs


CLAIMS: Final = (
    Claim("compressed-size-shrinks", "Zeros and few values compress well.", _smaller),
    Claim("both-compress-more", "Zeros and few values together compress better.", _both_smaller),
    Claim("flash-does-not", "Every weight is stored all the same.", _unmoved("flash total")),
    Claim("latency-does-not", "Every weight is multiplied.", _unmoved("latency invoke")),
    Claim("qat-accuracy", "Training with quantization is at least as good as none.", _accuracy),
    Claim("qat-recovers", "It takes back a part of what pruning cost.", _recovers),
    Claim("collaborative-keeps-both", "It keeps zeros and the number of values.", _keeps),
)


def read_numbers(model: str, baselines: Path = BASELINES) -> dict[str, dict[str, float]]:
    """Return the numbers of a model's baselines.

    :raises FileNotFoundError: there are none.
    """
    found: dict[str, dict[str, float]] = {}
    for scheme in (PLAIN, *STEPS):
        metrics = json.loads((baselines / f"{model}-{scheme}.json").read_text("utf-8"))["metrics"]
        found[scheme] = {
            f"{metric} {part}": float(number["value"])
            for metric, parts in metrics.items()
            for part, number in parts.items()
        }
    return found


def main() -> None:
    """Print every claim, with what speaks against it."""
    for claim in CLAIMS:
        print(f"{claim.name}: {claim.says}")
        for model in MODELS:
            failures = claim.failures(read_numbers(model))
            told = "; ".join(f"{what}: {a:g} > {b:g}" for what, (a, b) in failures.items())
            print(f"  {model:6} {told or 'holds'}")


if __name__ == "__main__":
    main()
