"""Export a Keras classifier as a SavedModel: `python export/to_saved_model.py --model=FILE`."""

from dfad_tf.to_saved_model import run

if __name__ == "__main__":
    run()
