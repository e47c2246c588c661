"""Training, with Lightning underneath."""
