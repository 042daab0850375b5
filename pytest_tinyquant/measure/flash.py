"""Flash of a firmware image, as the linker laid it out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_tinyquant.metrics.metric import Metric
from pytest_tinyquant.metrics.specs import PARTS


if TYPE_CHECKING:
    from pytest_tinyquant.firmware.image import FirmwareImage


def measure_flash(image: FirmwareImage) -> dict[str, Metric]:
    """Return the image's flash bytes, whole and by part; the check samples are not counted."""
    return {
        part: Metric(int(getattr(image.flash, part)), "bytes", "exact") for part in PARTS["flash"]
    }
