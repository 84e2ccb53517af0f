"""Figures and pictures of what a model answers; the only place that imports matplotlib."""
