"""Labels in doubt as a list for a cytologist, and a manifest with the labels that came back."""
