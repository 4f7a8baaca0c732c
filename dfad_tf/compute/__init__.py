"""The computation of a training: precision, optimizers, randomness, replicas, state."""
