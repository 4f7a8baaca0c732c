"""How far a student can be trusted where there are no data to measure it on."""
