"""What strangers wrote, read within bounds: TOML, JSON, headers of arrays and tables.

Memory and time follow the size of a file, never what it announces.
"""
