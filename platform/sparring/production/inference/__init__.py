"""A trained model's answers: samples read, asked, written, and scored."""
