"""The variables that a train step changes, and the comparison of two states."""

import keras
import numpy as np


def state(distiller):
    """The values of all variables that a train step changes, by name."""
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
    """The names of the parts that differ in at least one bit."""
    assert before.keys() == after.keys()
    return {key.split("/")[0] for key in before if not np.array_equal(before[key], after[key])}
