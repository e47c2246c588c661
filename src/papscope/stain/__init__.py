"""One stain for all pictures: what is measured, and how a picture is brought to it."""
