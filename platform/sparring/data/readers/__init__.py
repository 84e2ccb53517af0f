"""One module per format of file: ``Options`` and ``read(path, options) -> Dataset``. A card names its module."""
