"""What a train step moves, and which of it has moved."""

import keras
import numpy as np


def state(distiller):
    """All that a train step moves, by name."""
    parts = {
        "teacher": distiller.teacher.variables,
        "student": distiller.student.variables,
        "generator": distiller.generator.variables,
        "optimizer": distiller.optimizer.variables,
        "generator_optimizer": distiller.generator_optimizer.variables,
        "metrics": [v for metric in distiller.metrics for v in metric.variables],
        "memory": distiller.sampler.memory.variables if distiller.sampler.memory else [],
    }
    return {
        f"{part}/{index}": keras.ops.convert_to_numpy(variable)
        for part, variables in parts.items()
        for index, variable in enumerate(variables)
    }


def changed(before, after):
    """Names of the parts that differ to the last bit."""
    assert before.keys() == after.keys()
    return {key.split("/")[0] for key in before if not np.array_equal(before[key], after[key])}
