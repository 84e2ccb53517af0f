"""A pinned configuration trained again: once, or as a k-fold, a bootstrap or an ensemble."""
