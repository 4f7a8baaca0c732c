"""Flags and a teacher of runs that take seconds."""

from tests.conftest import small_classifier

SMALL = (
    *("--epochs=2", "--steps_per_epoch=3", "--batch_size=16", "--verbose=0"),
    "--procedural_size=64",  # drawn where the teacher is a file
)


def save_teacher(folder):
    """Save a small teacher of images 9×10×2 and four classes."""
    path = folder / "mine.keras"
    small_classifier((9, 10, 2), classes=4, batch_norm=True).save(path)
    return path


def own(path):
    """Flags of a teacher file, whose random weights do not indicate a range of pixels."""
    return f"--teacher={path}", "--input_range=zero_one"
