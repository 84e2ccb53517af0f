"""What autoencoders do with the class of each row: a class-conditional decoder, and learning from few labelled rows.

With ``classes`` the decoder is told the class beside the code, so that the code need not say it, and the discriminator
is told it too, so that codes of every class look like the prior. With ``labelled_rows`` as well the encoder says the
class, as shares that add up to 1: a phase of its own teaches it on the few rows whose class is known, and the
discriminator asks that shares look like draws of one class, all being equally likely.

A code with its class beside it is called a whole code here, (B, latent_dim + classes).

After A. Makhzani et al., arXiv:1511.05644, sections 2.3 (the discriminator is told the class), 4 (so is the decoder)
and 5 (few labels).

Unlike the paper, which with few labels has one discriminator for codes and one for classes, here one judges both
together, which also asks that neither says anything of the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import torch
from torch import Tensor

from ..data.dataset import LABEL
from ..errors import DataError, UsageError
from .autoencoder import Autoencoder
from .base import Shapes, Step
from .config import ClassedConfig
from .verbs import Fields, Rows

K = TypeVar("K", bound=ClassedConfig, covariant=True)


class ClassedAutoencoder(Autoencoder[K]):
    """Subclasses encode by ``encode_all``; their decoder and discriminator take whole codes, ``n_classes`` wider."""

    known: Tensor
    known_label: Tensor

    def __init__(self, config: K, shapes: Shapes) -> None:
        super().__init__(config, shapes)
        self.n_classes = config.classes or 0
        self.n_said = self.n_classes if config.labelled_rows else 0
        """Numbers that the encoder gives beside the code: a logit per class, or none."""
        self.register_buffer("known", torch.zeros(0), persistent=False)
        self.register_buffer("known_label", torch.zeros(0, dtype=torch.int64), persistent=False)

    # -- what a system says -------------------------------------------------------------------------------------------

    def encode_all(self, x: Tensor, *, drops: bool = True) -> tuple[Tensor, Tensor | None, Tensor | None]:
        """As ``encode_x``, and the classes' logits, (B, classes), where the encoder says the class."""
        raise NotImplementedError

    def encode_x(self, x: Tensor) -> tuple[Tensor, Tensor | None]:
        mean, logvar, _ = self.encode_all(x)
        return mean, logvar

    def wants(self, phase: str) -> tuple[str, ...]:
        """A phase takes the class of each row only where the decoder is told it."""
        takes_label = self.n_classes > 0 and not self.n_said
        return tuple(name for name in super().wants(phase) if name != LABEL or takes_label)

    # -- classes ------------------------------------------------------------------------------------------------------

    @torch.no_grad()
    def prepare(self, train: Mapping[str, Tensor]) -> None:
        super().prepare(train)
        if not self.n_classes:
            return
        label = train.get(LABEL)
        if label is None:
            raise DataError("classes: the class of each training row is needed, but the data say none; leave it out")
        if int(label.max()) >= self.n_classes:
            raise DataError(f"classes: the data have {int(label.max()) + 1} or more, but got {self.n_classes}")
        if self.config.labelled_rows:
            index = balanced(label, self.n_classes, self.config.labelled_rows)
            rows = train[self.config.fields[0]]
            self.known, self.known_label = rows.index_select(0, index.to(rows.device)).clone(), label[index].clone()

    def one_hot(self, label: Tensor, like: Tensor) -> Tensor:
        """Classes by number, (B,), as (B, classes) of 0 and one 1, of the dtype of ``like``."""
        return (label.unsqueeze(-1) == torch.arange(self.n_classes, device=label.device)).to(like.dtype)

    def drawn_class(self, like: Tensor) -> Tensor:
        """A class for each row, all equally likely, as (B, classes); the engine supplies the draw."""
        place = torch.rand_like(like[:, :1]).squeeze(1) * self.n_classes
        return self.one_hot(place.long().clamp_max(self.n_classes - 1), like)

    def with_class(self, code: Tensor, logits: Tensor | None, label: Tensor | None) -> Tensor:
        """The whole code of each row in training: with the class that the encoder says, or that the data do."""
        if logits is not None:
            return torch.cat([code, logits.softmax(1)], 1)
        return code if label is None else torch.cat([code, self.one_hot(label, code)], 1)

    def draws_with_class(self, code: Tensor, label: Tensor | None) -> Tensor:
        """Draws from the prior like ``code``, whole: where the encoder says the class with a drawn one, else with the
        row's."""
        draws = self.prior_std * torch.randn_like(code)
        return torch.cat([draws, self.drawn_class(draws)], 1) if self.n_said else self.with_class(draws, None, label)

    def whole_code(self, x: Tensor, label: Tensor | None = None) -> tuple[Tensor, Tensor | None, Tensor]:
        """Where neither the encoder nor ``label`` says the class, it is the one under which the row comes back best."""
        mean, logvar, logits = self.encode_all(x)
        if self.n_classes and logits is None and label is None:
            label = self._likeliest(x, mean)
        return mean, logvar, self.with_class(mean, logits, label if self.n_classes else None)

    def whole_draws(self, code: Tensor) -> Tensor:
        """The classes take turns."""
        turns = torch.arange(len(code), device=code.device) % max(1, self.n_classes)
        return self.with_class(code, None, turns if self.n_classes else None)

    def _likeliest(self, x: Tensor, code: Tensor) -> Tensor:
        """The number of the class under which each row's reconstruction is nearest to it, (B,)."""
        errors = []
        for number in range(self.n_classes):
            all_of_it = torch.full((len(code),), number, device=code.device)
            answer = self.decode(self.with_class(code, None, all_of_it))
            errors.append((answer - x).square().flatten(1).mean(1))
        return torch.stack(errors, 1).argmin(1)

    # -- the phase of few labels --------------------------------------------------------------------------------------

    def cls(self, x: Tensor) -> Step:
        """The encoder learns the class of rows whose class is known: as many as a batch has, drawn with replacement.

        loss = −log (share that the encoder gives to the row's class)
        """
        place = torch.rand_like(x.flatten(1)[:, :1]).squeeze(1) * self.known.shape[0]
        index = place.long().clamp_max(self.known.shape[0] - 1)
        _, _, logits = self.encode_all(self.view(self.known[index]))
        assert logits is not None
        loss = -(logits.log_softmax(1) * self.one_hot(self.known_label[index], logits)).sum(1).mean()
        return Step(loss, {"train/loss_cls": loss}, {})

    # -- validation and verbs -----------------------------------------------------------------------------------------

    def measure_class(self, x: Tensor, label: Tensor | None) -> dict[str, Tensor]:
        """How many rows' class the encoder says, where it says one and the data do."""
        if not self.n_said or label is None:
            return {}
        _, _, logits = self.encode_all(x)
        assert logits is not None
        return {"accuracy": logits.argmax(1).eq(label).to(logits.dtype).sum()}

    def drawn(self, n: int, *, generator: torch.Generator | None = None) -> Fields:
        """Codes from the prior, (n, latent_dim), and with ``classes`` a class for each, (n, classes); on the CPU."""
        code = super().drawn(n, generator=generator)
        if not self.n_classes:
            return code
        label = torch.randint(self.n_classes, (n,), generator=generator).to(code["code"].device)
        return code | {"classes": self.one_hot(label, code["code"])}

    def made_of(self, drawn: Rows) -> Fields:
        return super().made_of({"code": torch.cat([drawn[name] for name in ("code", "classes") if name in drawn], 1)})

    def sample_class(self, n: int, *, seed: int, label: int) -> Fields:
        """As ``sample``, all of the class of this number; the codes are those of the same seed there."""
        if not self.n_classes:
            raise UsageError(
                "--label: the model was trained without classes, so it draws of none; train it with classes set"
            )
        if not 0 <= label < self.n_classes:
            raise UsageError(f"--label: wants a class from 0 to {self.n_classes - 1}, but got {label}")
        drawn = self.drawn(n, generator=torch.Generator().manual_seed(seed))
        all_of_it = torch.full((n,), label, device=drawn["code"].device)
        return self.decoded(torch.cat([drawn["code"], self.one_hot(all_of_it, drawn["code"])], 1))


def balanced(label: Tensor, classes: int, count: int) -> Tensor:
    """Places of ``count`` rows, (≤ count,), ascending: the first of each class in turn, so as many of each as there
    are.

    label: (N,), numbers below ``classes``.
    """
    order = torch.argsort(label, stable=True)
    many = torch.bincount(label, minlength=classes)
    rank = torch.empty_like(order)
    rank[order] = torch.arange(len(label), device=label.device) - (many.cumsum(0) - many).repeat_interleave(many)
    return torch.argsort(rank * classes + label)[:count].sort().values
