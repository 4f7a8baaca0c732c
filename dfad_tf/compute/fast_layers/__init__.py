"""Layers with the weights and results of Keras's layers, in faster operations."""

from dfad_tf.compute.fast_layers.batch_normalization import FusedBatchNormalization
from dfad_tf.compute.fast_layers.convolution import ProductGradientConv2D, overwrites_memory

__all__ = ["FusedBatchNormalization", "ProductGradientConv2D", "overwrites_memory"]
