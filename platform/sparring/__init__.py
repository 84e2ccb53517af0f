"""Sparring: hyperparameter search for adversarial autoencoders on Ray.

Four files that everybody may import, and twelve rooms. ``tests/test_layers.py`` says who may import whom:

    errors, resources, records, metrics
    space, data, ledger                 a search space, the rows, a study's files
    models, display, referee            the systems, what is shown, what runs next
    training, study                     the loop, a study from the user's words
    report, production, cluster         findings, trained models, Ray (the only room that imports it)
    cli                                 the commands

Try it: ``python -m platform.search aegan`` in a checkout, ``sparring search aegan`` anywhere.
"""

__version__ = "0.1.0"
