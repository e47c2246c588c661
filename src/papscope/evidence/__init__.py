"""The evidence pack: what a run knows of its model, item by item, and what a person must write."""
