"""Measurements that take too long for a test, or depend on the machine."""
