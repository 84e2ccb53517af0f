"""Data sets that come with the package: each module makes its arrays, from a formula or a library's own."""
