"""Export a student as SavedModel and LiteRT files, compared with the Keras model, with a card."""

from dfad_tf.exporting.agreement import LabelledImages
from dfad_tf.exporting.calibration import (
    Calibration,
    check_generator,
    from_folder,
    from_generator,
    from_images,
    from_noise,
)
from dfad_tf.exporting.checks import check_convertible, check_output
from dfad_tf.exporting.exporter import ExportedModel, Exporter, ExportInputs
from dfad_tf.exporting.formats import EXPORTERS, FORMATS, LITE_FORMATS, check_formats
from dfad_tf.exporting.model_card import ModelCard, provenance_of
from dfad_tf.exporting.student_export import ExportOptions, export_student

__all__ = [
    "EXPORTERS",
    "FORMATS",
    "LITE_FORMATS",
    "Calibration",
    "ExportInputs",
    "ExportOptions",
    "ExportedModel",
    "Exporter",
    "LabelledImages",
    "ModelCard",
    "check_convertible",
    "check_formats",
    "check_generator",
    "check_output",
    "export_student",
    "from_folder",
    "from_generator",
    "from_images",
    "from_noise",
    "provenance_of",
]
