"""Whether new images look like those that a model learned from, and what that may cost it."""
