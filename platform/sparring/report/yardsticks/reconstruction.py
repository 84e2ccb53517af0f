"""Yardsticks of an autoencoder: the mean, and principal components, in place of its encoder and decoder.

The model itself computes every figure that all autoencoders share, ``val/balance`` among them, from the codes and
reconstructions of a plain method. Codes are in units of the prior's deviation. Numbers of a code that a method does not
use are Gaussians like the prior, which changes no figure.

mean               the mean of the training rows, and a code that is the prior: what a collapsed posterior reaches
PCA                the best a linear autoencoder can do; its codes have mean 0 and variance 1, one point per sample
probabilistic PCA  the best a linear variational one can do (M. E. Tipping, C. M. Bishop, J. R. Stat. Soc. B 61 (1999)
                   611): codes are Gaussians, as those of an encoder that gives a distribution; others do not have it

Where the code is as long as a sample of the data, as many components lose nothing at all and say nothing: then half as
many are compared, and their name says why.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial

import numpy as np
import torch
from torch import Tensor

from ...models.autoencoder import Autoencoder, reference_rows
from ...records import Interval
from .judging import build, judge, tensor
from .rival import Figures, Rival, Task, library_call

NUMBERS = 50_000_000
"""Most numbers from which principal components are found, 200 MB: all 48,000 training rows of MNIST, 16,276
images of 32 × 32 in colour."""

LEAST = 1e-6
"""Components of a smaller share of the first one's variance are the data's rounding, and are left out."""

FIRST = ("val/score", "val/mmd_prior", "val/mmd_sample")
"""Figures that come first: a table has room for these beside the objective."""

EXACT = -60.0
"""Log variance of a code that is a point: below what float32 can tell from 0."""


@dataclass(frozen=True, kw_only=True)
class Linear:
    """Codes of ``used`` numbers that are linear in the sample, and back; one number per orthonormal direction."""

    mean: Tensor
    """(size,)"""
    directions: Tensor
    """(used, size)"""
    read: Tensor
    """(used,): code over the sample's coordinate."""
    write: Tensor
    """(used,): the reconstruction's coordinate over code."""
    logvar: Tensor
    """(used,)"""

    def take_place(self, model: Autoencoder, task: Task) -> dict[str, float | Interval]:
        """The model's figures with this for its nets."""
        latent_dim, used = model.draws.shape[1], len(self.read)
        sample = model.targets(tensor(task.rows(task.config.fields[0], "train", 1))).shape[1:]
        logvar = torch.cat([self.logvar, torch.zeros(latent_dim - used)]) + 2 * model.prior_std.log()

        def encode(x: Tensor) -> tuple[Tensor, Tensor]:
            code = (model.unview(x).flatten(1) - self.mean) @ self.directions.T * self.read
            code = torch.cat([code, code.new_zeros(len(x), latent_dim - used)], dim=1)
            return code * model.prior_std, logvar.expand(len(x), -1)

        def decode(code: Tensor) -> Tensor:
            code = code[:, :used] / model.prior_std
            return model.view((self.mean + code * self.write @ self.directions).reshape(-1, *sample))

        def whole(x: Tensor, label: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
            """A plain method neither needs the class of a row nor says it."""
            code, spread = encode(x)
            return code, spread, code

        return judge(
            Autoencoder,
            model,
            task,
            encode_x=encode,
            whole_code=whole,
            whole_draws=lambda code: code,
            measure_class=lambda x, label: {},
            decode=decode,
        )


@dataclass(frozen=True, kw_only=True)
class Components:
    """Principal components of the training rows, the largest first; those below ``LEAST`` are left out."""

    mean: Tensor
    directions: Tensor
    variances: Tensor
    noise: float
    """Mean variance along the directions that were left over."""


def rivals(task: Task) -> Sequence[Rival]:
    """The mean, principal components and, for encoders that give a distribution, probabilistic ones."""
    field = task.config.fields[0]
    most = min(len(task.split.train), reference_rows(torch.Size(task.fields[field].shape[1:])))
    model = build(task, most)  # its figures use no more training rows than these
    assert isinstance(model, Autoencoder)
    with torch.no_grad():
        one = model.view(tensor(task.rows(field, "train", 1)))
        size, is_gaussian = model.unview(one).numel(), model.encode_x(one)[1] is not None
    fitted = min(most, max(NUMBERS // size, model.draws.shape[1] + 1))
    length = torch.Size(task.fields[field].shape[1:]).numel()
    is_void = model.draws.shape[1] >= length
    count = min(length // 2 if is_void else model.draws.shape[1], size, fitted)
    name = f"{count} component{'s' * (count > 1)}"
    if is_void:
        name += f" ({length} lose nothing)"
    if fitted < len(task.split.train):
        name += f", {fitted:,} rows"
    targets = cache(lambda: model.targets(tensor(task.rows(field, "train", fitted))).flatten(1))
    components = cache(lambda: find_components(targets().numpy(), count, task.seed))

    def judged(plain: Linear) -> Figures:
        values = plain.take_place(model, task)
        return {metric: values[metric] for metric in FIRST} | values

    def figures(method: Callable[[Components], Linear], *without: str) -> Figures:
        return {metric: value for metric, value in judged(method(components())).items() if metric not in without}

    plain = [Rival(name="mean", figures=lambda: judged(constant(targets().double().mean(0).float())))]
    if count:  # half of one number is none
        # The divergence of a point is infinite.
        plain.append(Rival(name=f"PCA, {name}", figures=partial(figures, principal, "val/kld", "test/kld")))
        if is_gaussian:
            plain.append(Rival(name=f"probabilistic PCA, {name}", figures=partial(figures, probabilistic)))
    return plain


def find_components(rows: np.ndarray, count: int, seed: int = 0) -> Components:
    """Principal components of ``rows``, (n, size), at most ``count`` of them, 1 to the smaller of n and size.

    Raises DataError where scikit-learn refuses the rows.
    """
    from sklearn.decomposition import PCA  # 0.7 s to import, as all of scikit-learn

    mean = rows.mean(axis=0, dtype=np.float64)
    # Centred first: a covariance in float32 of rows around 100 drowns what is a thousandth of the largest component.
    with library_call():
        fitted = PCA(count, random_state=seed).fit(rows - mean.astype(np.float32))
    kept = fitted.explained_variance_ > LEAST * fitted.explained_variance_[0]
    centre, directions, variances = (
        torch.from_numpy(np.asarray(array, dtype=np.float32))
        for array in (mean, fitted.components_[kept], fitted.explained_variance_[kept])
    )
    return Components(mean=centre, directions=directions, variances=variances, noise=float(fitted.noise_variance_))


def constant(mean: Tensor) -> Linear:
    """Always the mean; no number of the code is used."""
    none = mean.new_zeros(0)
    return Linear(mean=mean, directions=mean.new_zeros(0, len(mean)), read=none, write=none, logvar=none)


def principal(components: Components) -> Linear:
    """The nearest point of the plane of the components; codes of variance 1."""
    spread = components.variances.sqrt()
    exact = torch.full_like(spread, EXACT)
    return Linear(mean=components.mean, directions=components.directions, read=1 / spread, write=spread, logvar=exact)


def probabilistic(components: Components) -> Linear:
    """The posterior of a linear Gaussian model of the data at its maximum of likelihood."""
    mean, directions, variances = components.mean, components.directions, components.variances
    noise = torch.full_like(variances, max(components.noise, LEAST * float(variances[0])))
    spread = (variances - noise).clamp_min(0).sqrt()
    logvar = (noise / variances).log()
    return Linear(mean=mean, directions=directions, read=spread / variances, write=spread, logvar=logvar)
