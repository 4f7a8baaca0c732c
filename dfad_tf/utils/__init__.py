"""Errors, name look-up, file writing and number formatting."""
