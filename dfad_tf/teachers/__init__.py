"""Load, check, describe, train and cache teachers.

This file imports nothing, because the child process of `hdf5_check` imports it and must start
without Keras and TensorFlow.
"""
