"""Networks as graphs of layers: walk them, count them, and clone them for training."""
