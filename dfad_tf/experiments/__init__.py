"""Comparisons of methods, the paper's figures, two moons, and the step benchmark."""
