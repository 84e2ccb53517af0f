"""Pages in Markdown, made from the code: one per system, one per card of a data set."""
