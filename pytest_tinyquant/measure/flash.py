"""Flash of a firmware image, as the linker laid it out."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from pytest_tinyquant.metrics.metric import Metric


if TYPE_CHECKING:
    from pytest_tinyquant.firmware.image import FirmwareImage
    from pytest_tinyquant.measure.observation import Observation


def measure(observation: Observation) -> dict[str, Metric]:
    """Return the flash bytes of what ran."""
    return measure_flash(observation.image)


def measure_flash(image: FirmwareImage) -> dict[str, Metric]:
    """Return the image's flash bytes, whole and by part; the check samples are not counted."""
    from pytest_tinyquant.firmware.elf import FlashUse

    parts = [field.name for field in dataclasses.fields(FlashUse)]
    return {part: Metric(int(getattr(image.flash, part)), "bytes", "exact") for part in parts}
