"""What the systems of muon tables share: drawing in chunks, and the frame of those that generate muons. Not a system.

``MuonTables`` draws rows of its first field. ``MuonGenerator`` draws muons, which its nets see in one of two frames
(``blocks/muon_frame.py``) and which are judged in the normal one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Literal

import torch
from torch import Tensor

from ..data.physics.kinematics import SKEWED
from .base import C, Model, Shapes
from .blocks.muon_frame import SHRINK, MuonFrame, check_muons
from .blocks.scaling import variance_of
from .metrics.characteristic_distance import CharacteristicDistance
from .metrics.classifier_auc import Detection
from .metrics.rare_rows import RareRows
from .verbs import Fields

DRAWN = 16_384
"""Rows drawn at a time: 66 MB per hidden layer of 1,000."""
Draw = Callable[..., Tensor]
"""(n, generator=) → n rows of a table, (n, columns), in raw units; the generator lies on the model's device."""
ENCODED = 8192
"""Rows encoded at a time: 33 MB per hidden layer of 1,000."""
ACTIVE = 0.01
"""Variance over rows, in the prior's, above which a number of the code counts as in use (arXiv:1509.00519)."""
COLUMNS = 6
"""What nets see of a muon: its polar columns without the charge."""


def chunks(rows: Tensor) -> Iterator[Tensor]:
    """All rows, ``ENCODED`` at a time."""
    return (rows[start : start + ENCODED] for start in range(0, len(rows), ENCODED))


class MuonTables(Model[C]):
    """What judges them, and how many rows are drawn from one seed."""

    row_free = ("detection.draws",)

    closeness: CharacteristicDistance
    detection: Detection

    def health(self, sums: Mapping[str, Tensor]) -> dict[str, float]:
        """How diverse what was made is, ``made``, in units of training rows; of a code's ``codes`` the active ones."""
        found = {"health/diversity": float(variance_of(sums["made"], sums["n"]).mean())}
        if "codes" in sums:
            found["health/active_units"] = float((variance_of(sums["codes"], sums["n"]) > ACTIVE).double().mean())
        return found

    def _draw_all(self, draw: Draw, n: int, seed: int) -> Fields:
        """``n`` rows of the first field by chunks of ``draw``, which takes a number of rows and a generator."""
        generator = torch.Generator(next(self.buffers()).device).manual_seed(seed)
        chunks = [draw(min(DRAWN, n - start), generator=generator) for start in range(0, n, DRAWN)]
        return {self.config.fields[0]: torch.cat(chunks)}


class MuonGenerator(MuonTables[C]):
    """Muons (B, 7) raw, seen by the nets as six columns about within ±1: boxed, or made normal and divided by 7."""

    charged: Tensor

    def __init__(self, config: C, shapes: Shapes, *, frame: Literal["box", "normal"], auc_rows: int | None) -> None:
        super().__init__(config, shapes)
        check_muons(self.shapes)
        self.is_boxed = frame == "box"
        self.frame, self.closeness, self.rare = MuonFrame(), CharacteristicDistance(COLUMNS), RareRows(SKEWED)
        self.detection = Detection(auc_rows or 0)
        self.register_buffer("charged", torch.tensor(0.5))

    @torch.no_grad()
    def prepare(self, train: Mapping[str, Tensor]) -> None:
        """Fits the frame, what is rare and the share of positive charges, and keeps rows for val/auc to learn from."""
        self.frame.fit(train["muons"])
        self.rare.fit(self.judged(train["muons"]), self.closeness.waves)
        self.charged.copy_((train["muons"][:, 0] > 0).to(self.charged.dtype).mean())
        if self.detection.rows:
            self.detection.fit(train["muons"])

    def judged(self, muons: Tensor) -> Tensor:
        """Muons as val/distance and val/auc see them, (B, 6), each column about N(0, 1) on the training rows."""
        return self.frame.normalize(self.frame.box(muons))

    def compared(self, real: Tensor, made: Tensor, draw: Draw | None = None) -> dict[str, Tensor]:
        """Sums of the distances and, with auc_rows, of what trees tell of muons by ``draw``, for ``likeness``.

        real, made: as many muons of the batch and generated ones, as ``judged`` has them, (B, 6).
        """
        of_real, of_made = self.closeness.waves(real), self.closeness.waves(made)
        sums = self.closeness.sums_of(of_real, of_made) | self.rare.sums(real, made, of_real, of_made)
        if self.detection.rows and draw is not None:
            known, drawn = self.detection.known, self.detection.draws(draw)
            sums |= self.detection.sums(real, self.judged(known), self.judged(drawn), self.rare.masks)
        return sums

    def likeness(self, sums: Mapping[str, Tensor]) -> dict[str, float]:
        """``val/distance`` and ``val/auc``, of all muons and of the rarest tenth and hundredth, from ``compared``."""
        n = float(sums["n"])
        tenth, hundredth = self.rare.distances(sums, n)
        figures = {"val/distance": self.closeness.distance(sums, n)}
        figures |= {"val/distance_rare10": tenth, "val/distance_rare1": hundredth}
        return figures | self.told_apart(sums) if "auc" in sums else figures

    def told_apart(self, sums: Mapping[str, Tensor]) -> dict[str, float]:
        """``val/auc`` of all muons and of the rare ones, from ``n`` and what ``Detection.sums`` gave."""
        rare = zip(("10", "1"), sums["auc_rare"].tolist(), sums["n_rare"].tolist(), strict=True)
        within = {f"val/auc_rare{name}": total / rows if rows else 0.5 for name, total, rows in rare}  # no row to tell
        return {"val/auc": float(sums["auc"]) / float(sums["n"])} | within

    def charges(self, uniform: Tensor) -> Tensor:
        """Uniform numbers, (B, 1), as charges 1 and -1 in the shares of the training rows."""
        return torch.where(uniform < self.charged, 1.0, -1.0).to(uniform.dtype)

    def _inward(self, muons: Tensor) -> Tensor:
        """Raw muons as the nets see them, (B, 7) → (B, 6)."""
        boxed = self.frame.box(muons)
        return boxed if self.is_boxed else self.frame.normalize(boxed) / SHRINK

    def _outward(self, seen: Tensor) -> Tensor:
        """What the nets see or return, as boxed columns, (B, 6)."""
        return seen if self.is_boxed else self.frame.denormalize(seen * SHRINK)
