"""Sparring: hyperparameter search for adversarial autoencoders on Ray.

Four files that everybody may import, and fourteen rooms. ``tests/test_layers.py`` says who may import whom:

    errors, resources, records, metrics
    space, data, ledger                 a search space, the rows, a study's files
    models, display, referee            the systems, what is shown, what runs next
    training, study                     the loop, a study from the user's words
    report, production, cluster         findings, trained models, Ray (the only room that imports it)
    reader                              models in production by NumPy alone
    cli                                 the commands

Try it: ``python -m platform.search aegan`` in a checkout, ``sparring search aegan`` anywhere. In a program of your own:
``sparring.search("aegan", trials=24)``, ``sparring.open_study("aegan-exafs")``, ``sparring.load("production/aegan")``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from os import PathLike

__version__ = "0.1.0"


def load(place: str, version: int | None = None, model: str | None = None) -> Any:
    """The model that is in production at ``place``, such as ``production/aegan`` or ``s3://bucket/models/aegan``.

    version: another than the current one. model: of somebody's own model its name, ``my_module:MyModel``: that may run
    here, from the working directory or as installed. Returns a ``production.handover.asking.ProductionModel``, with
    ``predict``, ``reconstruct``, ``score``, ``encode`` and ``sample`` as far as the system has them, and ``schema``.
    Raises UnknownName, DataError or UsageError (``sparring.errors``).
    """
    from importlib import import_module  # every room imports this file, so it names none until it is asked

    if model is not None:
        import_module(".models.own", __name__).allow(model)
    return import_module(".production.registry.opening", __name__).load(place, version)


def search(model: str | type, **options: Any) -> Any:
    """Searches a model's hyperparameters as ``sparring search`` does, and gives what it found; the same call resumes.

    model: the name of a system, ``my_module:MyModel``, or that class. options: the command's flags by their names,
    ``trials=24, slots=2, dataset="exafs", workers_per_trial=2, quiet=True``; ``set`` takes a dict, a range is one too:
    ``set={"epochs": 30, "lr_gen": {"loguniform": [1e-4, 1e-2]}}``. ``sparring search --help`` has them all, with their
    defaults. Where Python keeps a word for itself an underscore follows it: ``from_``, ``try_``.

    Returns a ``cli.from_python.FoundStudy``: ``.trials``, a DataFrame, ``.best``, ``.load()``, ``.folder``, ``.spec``.
    Raises the errors of ``sparring.errors``; KeyboardInterrupt where the user stopped it, with everything kept.
    """
    from importlib import import_module

    return import_module(".cli.from_python", __name__).search(model, options)


def open_study(study: str | PathLike[str], results: str | PathLike[str] = "results", model: str | None = None) -> Any:
    """What a study has found, by its name below ``results`` or by its folder, ended or not; see ``search``.

    model: of a study that searched somebody's own model its name, ``my_module:MyModel``: that may run here. Without it
    ``.load()`` refuses. Raises UnknownName if there is no such study.
    """
    from importlib import import_module

    return import_module(".cli.from_python", __name__).open_study(study, results, model)
