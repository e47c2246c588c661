"""Changes of pictures in training: what is done to them, and never to validation or test."""
