"""Cells measured from their outlines: size, form, colour, texture."""
