"""Rows on their way into a step: placed on the device, mapped from a file, taken by index."""
