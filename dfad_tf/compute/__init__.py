"""How training computes: precision, optimizers, randomness, replicas, state, processes."""
