"""Exported files of a student: SavedModel and LiteRT, checked, with a model card."""

from dfad_tf.exporting.calibration import (
    Calibration,
    check_generator,
    from_folder,
    from_generator,
    from_images,
    from_noise,
)
from dfad_tf.exporting.export import check_convertible, check_output, export_student
from dfad_tf.exporting.files import EXPORTS, LITE_FILES, SAVED_MODEL, check_exports
from dfad_tf.exporting.model_card import provenance_of

__all__ = [
    "EXPORTS",
    "LITE_FILES",
    "SAVED_MODEL",
    "Calibration",
    "check_convertible",
    "check_exports",
    "check_generator",
    "check_output",
    "export_student",
    "from_folder",
    "from_generator",
    "from_images",
    "from_noise",
    "provenance_of",
]
