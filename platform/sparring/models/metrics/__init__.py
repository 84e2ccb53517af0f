"""Figures that compare samples with data, codes with a prior, and scores with each other."""
