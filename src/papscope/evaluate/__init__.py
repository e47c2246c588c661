"""Measures with intervals, from scores alone."""
