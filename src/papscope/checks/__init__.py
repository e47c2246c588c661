"""Checking a data set: everything a person should look at before training, listed at once."""
