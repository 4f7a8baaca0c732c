"""The Keras models that distil a student, and what they learn from."""
