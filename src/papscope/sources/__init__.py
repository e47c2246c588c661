"""Importers of data sets, one for each, and what they share."""
