"""What to say of an image that is larger than a memory of its board."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pytest_tinyquant.errors import DoesNotFitError


#: The region in which emulated boards keep the check samples; on real ones they lie in the flash.
SAMPLES: Final = "SAMPLES"

#: Fewer check samples tell nothing; measure/error.py refuses them.
_FEWEST: Final = 4


def does_not_fit(
    overflows: Mapping[str, int], available: Mapping[str, int], samples: int
) -> DoesNotFitError:
    """Return the error for regions that are too small; its attributes are those of the first.

    What is too large whatever the check samples are is told before them.

    :param overflows: bytes too many, by region.
    :param available: bytes of each region.
    :param samples: how many check samples the image holds.
    """
    memories = [region for region in overflows if region != SAMPLES]
    sentences = []
    if memories:
        too_large = "; ".join(
            f"{available[region] + overflows[region]:,} bytes of {region} are needed, the board "
            f"has {available[region]:,} ({overflows[region]:,} too many)"
            for region in memories
        )
        sentences.append(
            f"the firmware does not fit: {too_large}. Take a smaller model, a scheme with smaller "
            "types, or a board with more memory"
        )
    if SAMPLES in overflows:
        needed = available[SAMPLES] + overflows[SAMPLES]
        sentences.append(_of_samples(samples, needed, available[SAMPLES]))
    region = [*memories, SAMPLES][0]
    return DoesNotFitError(
        ". ".join(sentences),
        region=region,
        needed=available[region] + overflows[region],
        available=available[region],
    )


def _of_samples(samples: int, needed: int, available: int) -> str:
    fitting = samples * available // needed
    text = (
        f"the {samples} check samples have {needed:,} bytes, and an emulated board keeps "
        f"{available:,} for them: "
    )
    if fitting < _FEWEST:
        return f"{text}not even {_FEWEST} fit. Take a model with smaller inputs, or board host"
    return f"{text}write check_samples = {fitting} into the model's .toml, or a smaller number"
