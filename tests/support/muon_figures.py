"""Small muon systems and their training."""

from __future__ import annotations

from typing import Any

SMALL: dict[str, dict[str, Any]] = {
    "auxgan": {"hidden_gen": [32, 32], "hidden_dis": [32, 32], "noise": 10, "aux_steps": 50},
    "aux_aae": {"hidden_gen": [32, 32], "hidden_dis": [32, 32], "code": "softplus"},
    "boost_vae": {"hidden": [32, 32]},
}


EPOCHS = 3
