"""Data sets, pixel contracts, and images that are generated without data."""
