"""The frozen graph of a SavedModel, read as layers of Keras."""
