"""Write the files of Keras 2 in this folder, with the answers of Keras 2 in `answers.npz`.

    pip install tf_keras && python tests/data_files/keras2/make.py

The tests read the files; they need no Keras 2.
"""

import pathlib

import numpy as np
import tf_keras as keras

FOLDER = pathlib.Path(__file__).parent
L = keras.layers


def backbone(trainable):
    """A nested functional network like MobileNet: depthwise convolutions, ReLU6, batch norm."""
    inputs = keras.Input((16, 16, 3))
    x = L.Conv2D(4, 3, strides=2, use_bias=False, name="stem/conv")(inputs)
    x = L.BatchNormalization(name="stem/bn")(x)
    x = L.ReLU(6.0)(x)
    x = L.DepthwiseConv2D(3, padding="same", use_bias=False)(x)
    x = L.BatchNormalization()(x)
    y = L.Conv2D(4, 1, kernel_regularizer=keras.regularizers.L2(1e-4))(L.ReLU(6.0)(x))
    model = keras.Model(inputs, L.Add()([x, y]), name="backbone")
    model.trainable = trainable
    return model


def with_operations():
    inputs = keras.Input((16, 16, 3))
    x = backbone(False)(inputs / 127.5 - 1.0, training=False)
    return keras.Model(inputs, L.Dense(3, activation="softmax")(L.GlobalAveragePooling2D()(x)))


def caffe():
    inputs = keras.Input((16, 16, 3))
    x = keras.applications.resnet50.preprocess_input(inputs)
    x = backbone(True)(x)
    return keras.Model(inputs, L.Dense(3)(L.GlobalAveragePooling2D()(x)))


def hard_swish():
    """The operations of MobileNetV3, with a multiplication as a layer and as an operation."""
    inputs = keras.Input((8, 8, 3))
    x = L.Conv2D(4, 3, name="conv/first")(L.Rescaling(1 / 127.5, -1.0)(inputs))
    gate = L.ReLU(6.0)(x + 3.0) * (1.0 / 6.0)
    x = L.Multiply(name="multiply")([x, gate])
    return keras.Model(inputs, L.Dense(3)(L.GlobalAveragePooling2D()(x)))


def sequential():
    return keras.Sequential(
        [
            L.Conv2D(4, 3, activation="relu", input_shape=(8, 8, 1)),
            L.SeparableConv2D(4, 3, activation="swish"),
            L.LeakyReLU(0.1),
            L.Flatten(),
            L.Dropout(0.2),
            L.Dense(3, activation="softmax"),
        ]
    )


def teachable_machine():
    """What Teachable Machine exports: a sequential model of two sequential models."""
    first = keras.Sequential([backbone(True), L.GlobalAveragePooling2D()])
    second = keras.Sequential(
        [L.Dense(8, activation="relu", input_shape=(4,)), L.Dense(3, "softmax", use_bias=False)]
    )
    return keras.Sequential([first, second])


def augmented():
    augmentation = [L.RandomFlip("horizontal"), L.RandomRotation(0.1), L.RandomZoom(0.1)]
    layers = [keras.Sequential(augmentation), L.Rescaling(1 / 255), L.Conv2D(4, 3), L.Flatten()]
    return keras.Sequential([L.Input((8, 8, 3)), *layers, L.Dense(3)])


def normalized():
    normalization = L.Normalization()
    normalization.adapt(np.random.default_rng(0).uniform(0, 255, (16, 8, 8, 3)))
    return keras.Sequential([L.Input((8, 8, 3)), normalization, L.Flatten(), L.Dense(3)])


def main():
    """Write every model in both formats."""
    keras.utils.set_random_seed(0)
    random = np.random.default_rng(0)
    answers = {}
    builders = (
        sequential, with_operations, caffe, hard_swish, teachable_machine, augmented, normalized
    )  # fmt: skip
    for build in builders:
        name, model = build.__name__, build()
        for weight in model.weights:
            if "moving_variance" in weight.name:
                weight.assign(random.uniform(0.5, 1.5, weight.shape))
            elif "moving_mean" in weight.name:
                weight.assign(random.normal(size=weight.shape) * 0.1)
        if name == "sequential":  # with the state of an optimizer
            model.compile("adam", "sparse_categorical_crossentropy")
            model.fit(np.zeros((4, 8, 8, 1)), np.zeros(4), verbose=0)
        images = random.uniform(0, 255, (2, *model.input_shape[1:])).astype("float32")
        answers[f"{name}_images"] = images.astype("float16").astype("float32")
        answers[f"{name}_answers"] = model.predict(answers[f"{name}_images"], verbose=0)
        model.save(FOLDER / f"{name}.h5")
        if name != "caffe":  # Keras 2 cannot write its slices into an archive
            model.save(FOLDER / f"{name}.keras")
    np.savez_compressed(FOLDER / "answers.npz", **answers)


if __name__ == "__main__":
    main()
