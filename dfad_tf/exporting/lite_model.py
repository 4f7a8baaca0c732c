"""Run a LiteRT file with the LiteRT interpreter, as a phone does."""

from __future__ import annotations

import time

import numpy as np

from dfad_tf.exporting.exporter import TimedModel
from dfad_tf.exporting.serving import INPUT, LOGITS, PROBABILITIES, SIGNATURE
from dfad_tf.utils.errors import InputError
from dfad_tf.utils.native_messages import no_native_messages

_MIN_SECONDS = 0.005  # a fast network runs several times, because the clock is coarse


class LiteModel(TimedModel):
    """An opened LiteRT file.

    Attributes:
        image_shape: `(height, width, channels)` of its input.
        num_classes: Number of its logits.

    Args:
        content: The content of the file.
        name: The name of the file in error messages.

    Raises:
        InputError: If LiteRT cannot run the file, or if its inputs or outputs differ from those
            of an exported student.
    """

    def __init__(self, content: bytes, name: str) -> None:
        from ai_edge_litert.interpreter import Interpreter

        try:
            with no_native_messages():
                self._content = content  # the interpreter keeps only a pointer
                self._interpreter = Interpreter(model_content=content, num_threads=1)
                self._interpreter.allocate_tensors()
                # The interpreter refuses to run while another object, such as this runner,
                # refers to its memory.
                runner = self._interpreter.get_signature_runner(SIGNATURE)
                inputs, outputs = runner.get_input_details(), runner.get_output_details()
                del runner
        except (ValueError, RuntimeError) as error:
            lines = str(error).strip().splitlines() or [type(error).__name__]
            raise InputError(
                f"Expected a LiteRT file of an exported student. LiteRT cannot run {name}: "
                f"{lines[0][:200]}"
            ) from error
        found = {key: np.dtype(details["dtype"]).name for key, details in inputs.items()}
        if found != {INPUT: "uint8"} or set(outputs) != {LOGITS, PROBABILITIES}:
            raise InputError(
                f"Expected {name} to have the uint8 input '{INPUT}' and the outputs '{LOGITS}' "
                f"and '{PROBABILITIES}'. Received: inputs {found} and outputs {sorted(outputs)}"
            )
        self._input, self._logits = int(inputs[INPUT]["index"]), int(outputs[LOGITS]["index"])
        self._batch, *shape = map(int, inputs[INPUT]["shape"])
        self.image_shape = tuple(shape)
        self.num_classes = int(outputs[LOGITS]["shape"][-1])

    def predict(self, pixels: np.ndarray) -> np.ndarray:
        """Classify images.

        Args:
            pixels: Raw pixels, uint8 `(n, height, width, channels)`.

        Returns:
            Logits, float32 `(n, classes)`.
        """
        outputs = []
        for start in range(0, len(pixels), self._batch):
            chosen = np.arange(start, start + self._batch) % len(pixels)
            self._interpreter.set_tensor(self._input, pixels[chosen])
            self._interpreter.invoke()
            outputs.append(self._interpreter.get_tensor(self._logits))
        return np.concatenate(outputs)[: len(pixels)]

    def seconds(self, pixels: np.ndarray) -> float:
        """Measure the latency of one image on one thread, over a few milliseconds.

        Args:
            pixels: Raw pixels, uint8 `(n, height, width, channels)`.

        Returns:
            Seconds per image.
        """
        self._interpreter.set_tensor(self._input, pixels[np.arange(self._batch) % len(pixels)])
        runs, start = 0, time.perf_counter()
        while runs < 2 or time.perf_counter() - start < _MIN_SECONDS:
            self._interpreter.invoke()
            runs += 1
        return (time.perf_counter() - start) / runs / self._batch
