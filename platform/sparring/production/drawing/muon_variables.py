"""The columns of a table of muons, as figures show them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ...data.physics.kinematics import RARENESS, to_polar

TAIL = 5e-4
"""Share of the rows left out at either end of a map or of a logarithmic axis; linear histograms show all rows."""
LEAST = 1e-9
"""The lowest start of a logarithmic axis."""


@dataclass(frozen=True, kw_only=True)
class Variable:
    """A column of a table as it is shown."""

    label: str
    """The name with its unit."""
    is_log: bool = False
    is_log_y: bool = True
    names: tuple[str, ...] = ()
    """Names of its two values, for a variable that has only two."""

    @property
    def scale(self) -> str:
        return "log" if self.is_log else "linear"

    def edges(self, samples: Sequence[np.ndarray], bins: int, *, is_cut: bool) -> np.ndarray:
        """Edges of the bins, (bins + 1,), equally wide on the axis.

        samples: (N,) each. They span all samples, or if ``is_cut`` all but ``TAIL`` at either end.
        """
        if self.names:
            return np.linspace(-2, 2, len(self.names) + 1)
        ends = np.stack([np.quantile(values, [TAIL, 1 - TAIL] if is_cut else [0, 1]) for values in samples])
        low, high = ends[:, 0].min(), ends[:, 1].max()
        if self.is_log:
            low = max(low, 1e-4 * high, LEAST)
            return np.geomspace(low, high if high > low else 10 * low, bins + 1)
        return np.linspace(low, high if high > low else low + max(1, abs(low)), bins + 1)


CHARGE = Variable(label="charge", is_log_y=False, names=("-1", "+1"))
PZ = Variable(label="pz [GeV]", is_log=True)
MUONS = (
    CHARGE,
    Variable(label="r [cm]"),
    Variable(label="theta [rad]", is_log_y=False),
    Variable(label="z [cm]"),
    Variable(label="pt [GeV]", is_log=True),
    Variable(label="theta_pt [rad]", is_log_y=False),
    PZ,
)
CARTESIAN = (
    CHARGE,
    Variable(label="x [cm]", is_log_y=False),
    Variable(label="y [cm]", is_log_y=False),
    Variable(label="z [cm]"),
    Variable(label="px [GeV]"),
    Variable(label="py [GeV]"),
    PZ,
)
RARE = tuple(Variable(label=f"rareness in {name}", is_log=True) for name in RARENESS)
TABLES: Mapping[str, Sequence[Variable]] = {"muons": CARTESIAN, "rareness": RARE}
"""Fields that are drawn as histograms by column, since a single sample says little."""


def shown(name: str, rows: np.ndarray) -> tuple[Sequence[Variable], np.ndarray]:
    """The variables of a field, and its rows in them: of muons the charge and the six polar columns."""
    if name == "muons":
        return MUONS, np.concatenate([rows[:, :1], to_polar(rows)], axis=1)
    return RARE[:4], np.asarray(rows[:, :4], dtype=np.float64)
