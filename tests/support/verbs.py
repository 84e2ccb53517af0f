"""Every system, small, and what ``train`` makes of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

SMALL: dict[str, dict[str, Any]] = {
    "aegan": {"hidden_size": 16, "input_scaling": "standard", "target_scaling": "standard"},
    "advvae": {"image_size": 8, "hidden_dims": [8, 16], "hidden_dims_dis": [8], "latent_dim": 8},
    "aae": {"image_size": 8, "width": 8, "n_stages": 2, "latent_dim": 8, "adversarial": True},
    "aae_series": {"width": 4, "latent_dim": 8, "adversarial": True},
    "mlp_aae": {"hidden_size": 32, "hidden_size_dis": 16, "parzen_samples": 50},
    "aux_aae": {"hidden_gen": [32, 32], "hidden_dis": [32, 32]},
    "auxgan": {"hidden_gen": [32, 32], "hidden_dis": [32, 32], "aux_steps": 20},
    "boost_vae": {"hidden": [32, 32]},
}


DATA = {"digits": {}, "exafs": {"n": 150}, "cylinder-bell-funnel": {"n": 150}, "muons": {"n": 150, "reference": 500}}


def break_about(folder: Path) -> None:
    (folder / "model.json").write_text("{")
