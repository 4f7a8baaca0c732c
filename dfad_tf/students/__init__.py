"""The choice and the initialization of a student."""
