"""Sparring: hyperparameter search for adversarial autoencoders on Ray.

Four files that everybody may import, and twelve rooms. ``tests/test_layers.py`` says who may import whom:

    errors, resources, records, metrics
    space, data, ledger                 a search space, the rows, a study's files
    models, display, referee            the systems, what is shown, what runs next
    training, study                     the loop, a study from the user's words
    report, production, cluster         findings, trained models, Ray (the only room that imports it)
    cli                                 the commands

Try it: ``python -m platform.search aegan`` in a checkout, ``sparring search aegan`` anywhere. In a program of your own:
``sparring.load("production/aegan")``.
"""

from typing import Any

__version__ = "0.1.0"


def load(place: str, version: int | None = None) -> Any:
    """The model that is in production at ``place``, such as ``production/aegan`` or ``s3://bucket/models/aegan``.

    version: another than the current one. Returns a ``production.handover.asking.ProductionModel``, with ``predict``,
    ``reconstruct``, ``score``, ``encode`` and ``sample`` as far as the system has them, and ``schema``. Raises
    UnknownName, DataError or UsageError (``sparring.errors``).
    """
    from importlib import import_module  # every room imports this file, so it names none until it is asked

    return import_module(".production.registry.opening", __name__).load(place, version)
