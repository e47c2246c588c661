"""Whether a picture is like anything that a model learned from, and what it is most like."""
