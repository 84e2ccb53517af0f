"""A model in production by NumPy and safetensors alone: no torch, no Ray, no pandas.

    from sparring.reader import load

    model = load("production/aegan")  # every byte is checked first
    model.predict({"structure": structures})["spectrum"]

For a small machine, or a program that must start at once. It reads the dense systems (aegan, mlp_aae, auxgan, aux_aae,
boost_vae) from a folder of this machine, and answers as torch does within 1e-5 of the largest value. Not here: scores,
convolutions, other addresses, GPUs; ``sparring.load`` has them.

bundle.py    the files of a version, against its manifest and the history
asking.py    what may be asked: inputs are checked, answers are finite
systems.py   the five systems; layers.py, frames.py and pictures.py are what they are made of
"""

from __future__ import annotations

from .asking import ReadModel
from .bundle import load

__all__ = ["ReadModel", "load"]
