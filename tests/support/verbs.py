"""What the tests of the verbs train, and a way to break it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sparring.models import find_model, model_names

OWN: dict[str, dict[str, Any]] = {
    "aegan": {
        "input_scaling": "standard",
        "target_scaling": "standard",
        "dropout": 0.0,
        "input_noise": 0.0,
        "w_adv": 0.0,
    },
    "mlp_aae": {"parzen_samples": 50},
}
"""What the tests about these two systems ask of them, beside small nets."""


def that_can(verb: str) -> list[str]:
    """The systems whose model has a verb."""
    return [name for name in model_names() if hasattr(find_model(name), verb)]


def break_about(folder: Path) -> None:
    (folder / "model.json").write_text("{")
