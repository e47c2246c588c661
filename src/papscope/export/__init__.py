"""Trained models in forms that other programs run, each with the proof that both answer alike."""
