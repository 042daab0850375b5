"""Flash of a firmware image, as the linker laid it out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_tinyquant.measure.measurement import PARTS
from pytest_tinyquant.measure.measurement import Metric


if TYPE_CHECKING:
    from pytest_tinyquant.firmware import FirmwareImage


def measure_flash(image: FirmwareImage) -> dict[str, Metric]:
    """Return the image's flash bytes, whole and by part; the check samples are not counted."""
    return {
        part: Metric(int(getattr(image.flash, part)), "bytes", "exact") for part in PARTS["flash"]
    }
