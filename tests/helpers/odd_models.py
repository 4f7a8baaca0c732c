"""Model files that a command must reject: damaged ones, and models that are no classifiers."""

import zipfile

import keras
import numpy as np
import tensorflow as tf

from tests.conftest import small_classifier

SHAPE = (8, 8, 1)


class Unregistered(keras.layers.Layer):
    """A custom layer that no other process can find."""

    def call(self, inputs):
        return inputs


def headed(*layers, shape=SHAPE):
    """A dense classifier of three classes, with layers after its input."""
    inputs = keras.Input(shape)
    x = inputs
    for layer in layers:
        x = layer(x)
    return keras.Model(inputs, keras.layers.Dense(3)(keras.layers.Flatten()(x)))


def with_activation(activation):
    """A dense classifier with an activation after its head."""
    inputs = keras.Input(SHAPE)
    flat = keras.layers.Flatten()(inputs)
    return keras.Model(inputs, keras.layers.Dense(3, activation=activation)(flat))


def with_nan():
    """A classifier whose weights are NaN."""
    model = small_classifier()
    model.set_weights([np.full_like(w, np.nan) for w in model.get_weights()])
    return model


def of_a_map():
    """A network with an image as output."""
    inputs = keras.Input(SHAPE)
    return keras.Model(inputs, keras.layers.Conv2D(3, 3)(inputs))


def of_a_vector():
    """A classifier of vectors."""
    inputs = keras.Input((4,))
    return keras.Model(inputs, keras.layers.Dense(3)(inputs))


def no_class():
    """A classifier without an output."""
    inputs = keras.Input(SHAPE)
    return keras.Model(inputs, keras.layers.Flatten()(inputs)[:, :0])


def two_outputs():
    """A classifier with two heads."""
    inputs = keras.Input(SHAPE)
    flat = keras.layers.Flatten()(inputs)
    return keras.Model(inputs, [keras.layers.Dense(3)(flat), keras.layers.Dense(3)(flat)])


def two_inputs():
    """A classifier of two images."""
    first, second = keras.Input(SHAPE), keras.Input(SHAPE)
    flat = keras.layers.Flatten()(keras.layers.Add()([first, second]))
    return keras.Model([first, second], keras.layers.Dense(3)(flat))


def of_open_size():
    """A classifier of images of any size."""
    inputs = keras.Input((None, None, 1))
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(4, 3)(inputs))
    return keras.Model(inputs, keras.layers.Dense(3)(x))


def with_lambda():
    """A classifier with Python code in a Lambda layer."""
    return headed(keras.layers.Lambda(lambda x: x * 2, output_shape=SHAPE, name="twice"))


MODELS = {
    "nan": with_nan,
    "map": of_a_map,
    "no_class": no_class,
    "vector": of_a_vector,
    "small": lambda: small_classifier((7, 8, 1)),
    "five_channels": lambda: small_classifier((8, 8, 5)),
    "two_outputs": two_outputs,
    "two_inputs": two_inputs,
    "sigmoid": lambda: with_activation("sigmoid"),
    "softmax": lambda: with_activation("softmax"),
    "unknown_layer": lambda: headed(Unregistered(name="mine")),
    "lambda": with_lambda,
    "open_size": of_open_size,
    "wide": lambda: small_classifier((9, 9, 1)),
    "four_classes": lambda: small_classifier(classes=4),
}


def write(folder, kind):
    """Write a model or a damaged file, and return its path.

    Args:
        folder: The folder of the file.
        kind: A name in `MODELS`, or the name of a damaged file.
    """
    path = folder / f"{kind}.keras"
    if kind in MODELS:
        MODELS[kind]().save(path)
    elif kind == "truncated":
        small_classifier().save(path)
        path.write_bytes(path.read_bytes()[:-500])
    elif kind == "text":
        path.write_text("not a model")
    elif kind == "empty":
        path.write_bytes(b"")
    elif kind == "other_zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("readme.txt", "nothing")
    elif kind == "weights_only":
        path = folder / "weights_only.weights.h5"
        small_classifier().save_weights(path)
    elif kind == "empty_h5":
        path = folder / "empty.h5"
        path.write_bytes(b"")
    return str(path)


def write_saved_model(folder, function, dtype=tf.float32):
    """Write a SavedModel that runs a function of images."""
    module = tf.Module()
    module.call = tf.function(function, input_signature=[tf.TensorSpec((None, *SHAPE), dtype)])
    tf.saved_model.save(module, str(folder), signatures=module.call)
    return str(folder)
