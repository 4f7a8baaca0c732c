"""Run a LiteRT file with LiteRT itself, as a phone would."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np

from dfad_tf.exporting.saved_model import SIGNATURE
from dfad_tf.exporting.serving import INPUT, LOGITS, PROBABILITIES
from dfad_tf.utils.errors import InputError
from dfad_tf.utils.native_messages import no_native_messages

_SECONDS_A_TURN = 0.005  # short networks are run several times, or the clock is measured


class LiteModel:
    """An opened LiteRT file.

    Attributes:
        image_shape: `(height, width, channels)` that it takes.
        num_classes: Number of its logits.

    Args:
        content: The file's content.
        name: What errors call it.

    Raises:
        InputError: If LiteRT cannot run it, or it breaks the contract of input and outputs.
    """

    def __init__(self, content: bytes, name: str) -> None:
        from ai_edge_litert.interpreter import Interpreter

        try:
            with no_native_messages():
                # It keeps only a pointer to the content.
                self._content = content
                self._interpreter = Interpreter(model_content=content, num_threads=1)
                self._interpreter.allocate_tensors()
                # Held no longer than for its details: the interpreter shares itself with nobody.
                runner = self._interpreter.get_signature_runner(SIGNATURE)
                inputs, outputs = runner.get_input_details(), runner.get_output_details()
                del runner
        except (ValueError, RuntimeError) as error:
            lines = str(error).strip().splitlines() or [type(error).__name__]
            raise InputError(f"LiteRT cannot run {name}: {lines[0][:200]}") from error
        found = {key: np.dtype(details["dtype"]).name for key, details in inputs.items()}
        if found != {INPUT: "uint8"} or set(outputs) != {LOGITS, PROBABILITIES}:
            raise InputError(
                f"Expected {name} to take uint8 `{INPUT}` and give `{LOGITS}` and "
                f"`{PROBABILITIES}`. Received: {found} to {sorted(outputs)}"
            )
        self._input, self._logits = int(inputs[INPUT]["index"]), int(outputs[LOGITS]["index"])
        self._batch, *shape = map(int, inputs[INPUT]["shape"])
        self.image_shape = tuple(shape)
        self.num_classes = int(outputs[LOGITS]["shape"][-1])

    def predict(self, pixels: np.ndarray) -> np.ndarray:
        """Return float32 logits `(n, classes)` of uint8 pixels `(n, height, width, channels)`."""
        outputs = []
        for start in range(0, len(pixels), self._batch):
            chosen = np.arange(start, start + self._batch) % len(pixels)
            self._interpreter.set_tensor(self._input, pixels[chosen])
            self._interpreter.invoke()
            outputs.append(self._interpreter.get_tensor(self._logits))
        return np.concatenate(outputs)[: len(pixels)]

    def seconds(self, pixels: np.ndarray) -> float:
        """Time one image, on one thread, over a turn of a few milliseconds."""
        self._interpreter.set_tensor(self._input, pixels[np.arange(self._batch) % len(pixels)])
        runs, start = 0, time.perf_counter()
        while runs < 2 or time.perf_counter() - start < _SECONDS_A_TURN:
            self._interpreter.invoke()
            runs += 1
        return (time.perf_counter() - start) / runs / self._batch


def float_operations(content: bytes) -> list[str]:
    """Name the operations that a full-integer file still computes in floating point.

    Turning the last integers into the outputs' numbers is not among them.
    """
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    with no_native_messages():
        interpreter = Interpreter(
            model_content=content,  # as it is written, before a delegate rearranges it
            experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        )
    types = {tensor["index"]: tensor["dtype"] for tensor in interpreter.get_tensor_details()}
    return sorted(
        {
            operation["op_name"]
            for operation in interpreter._get_ops_details()
            if operation["op_name"] != "DEQUANTIZE"
            and any(types.get(index) is np.float32 for index in operation["outputs"])
        }
    )


def latencies(models: dict[str, LiteModel], pixels: np.ndarray, rounds: int) -> dict[str, float]:
    """Time several files in turn, so that a busy moment of the machine falls on all of them.

    Args:
        models: Files by name.
        pixels: Images to run.
        rounds: Turns of each.

    Returns:
        Median milliseconds an image, by name.
    """
    times: dict[str, list[float]] = {name: [] for name in models}
    for turn in range(rounds):
        order: Sequence[str] = list(models) if turn % 2 else list(models)[::-1]
        for name in order:
            times[name].append(models[name].seconds(pixels))
    return {name: 1e3 * float(np.median(values)) for name, values in times.items()}
