"""The Keras models that distill a student, and the sources of their training images."""
