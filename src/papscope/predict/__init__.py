"""Use of a trained model on pictures."""
