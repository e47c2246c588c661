"""Figures and pages made from scores."""
