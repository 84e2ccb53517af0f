"""A trained model read back, wherever the user says it lies."""
