"""Export a Keras classifier to LiteRT files: `python export/to_tflite.py --model=student.keras`."""

from dfad_tf.to_tflite import run

if __name__ == "__main__":
    run()
