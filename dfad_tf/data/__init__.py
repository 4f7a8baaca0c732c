"""Data sets, pixel contracts, and images that are drawn without data."""
