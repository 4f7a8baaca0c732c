"""The Keras models that distil a student, and the sources of their training images."""
