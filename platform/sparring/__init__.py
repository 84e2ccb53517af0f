"""Sparring: hyperparameter search for adversarial autoencoders on Ray.

The rooms, from the ground up (imports run one way; ``tests/test_layers.py`` refuses anything else):

    errors < records < space, metrics, data < models < training
    records, metrics < ledger < referee, tensorboard, report
    training, referee < cluster          the only room that imports ray
    all < cli

Try it: ``python -m platform.search aegan`` in a checkout, ``sparring search aegan`` anywhere.
"""

__version__ = "0.1.0"
