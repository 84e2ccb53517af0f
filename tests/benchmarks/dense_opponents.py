"""The published steps of the systems of dense layers, as plain as those of ``opponents.py`` and for the same table.

auxgan              Enhanced_Generative_Networks 2d5f149, ``GAN_4D.py`` (four auxiliary values)
aux_aae, boost_vae  the same, 3a64d0d, ``AAE.py`` (mse for its loss without a minimum) and ``VAE.py``
mlp_aae             Keras-GAN, ``aae.py``
mlp_aae_twin        PyTorch-GAN 36d3c77, ``aae.py``
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain, pairwise

import numpy as np
import torch
from opponents import Step
from torch import Tensor, nn
from torch.nn import functional

rng = np.random.default_rng(0)


def _keras(
    *widths: int, slope: float, norm: str = "none", dropout: float = 0.0, end: nn.Module | None
) -> nn.Sequential:
    """Dense layers with LeakyReLU; batch norm before or after it, with Keras's numbers; dropout at the end of each."""
    layers: list[nn.Module] = []
    for i, o in pairwise(widths[:-1]):
        norms = [] if norm == "none" else [nn.BatchNorm1d(o, eps=1e-3, momentum=0.2)]
        layers += [nn.Linear(i, o), *(norms if norm == "before" else []), nn.LeakyReLU(slope)]
        layers += [*(norms if norm == "after" else []), *([nn.Dropout(dropout)] if dropout else [])]
    return nn.Sequential(*layers, nn.Linear(*widths[-2:]), *([] if end is None else [end]))


def _descend(optimizer: torch.optim.Optimizer, gradients: Sequence[Tensor]) -> None:
    """``apply_gradients``."""
    for parameter, gradient in zip(optimizer.param_groups[0]["params"], gradients, strict=True):
        parameter.grad = gradient
    optimizer.step()


def auxgan(width: int = 1000) -> Step:
    """(B, 7) seen columns. One pass of the discriminator on fakes and reals; both gradients, then both steps."""
    widths = (width, width, width // 4, width // 20)
    generator = _keras(107, *widths, 4, slope=0.2, norm="after", end=nn.Tanh())
    discriminator = _keras(7, *widths, 1, slope=0.2, dropout=0.2, end=nn.Sigmoid())
    regressors = [_keras(1, 32, 64, 1, slope=0.2, dropout=0.2, end=nn.ReLU()).eval() for _ in range(4)]
    gen, dis = list(generator.parameters()), list(discriminator.parameters())
    gen_opt, dis_opt = (torch.optim.Adam(each, lr=4e-4, betas=(0.5, 0.999), amsgrad=True) for each in (gen, dis))

    def generate(rows: int) -> tuple[Tensor, Tensor]:
        noise, aux = torch.randn(rows, 100), torch.randn(rows, 4).abs()
        charge = torch.randn(rows, 1).sign()
        theta, theta_pt = (torch.rand(rows, 1) * 1.94 - 0.97 for _ in range(2))
        r, z, pt, pz = generator(torch.cat([noise, aux, charge, theta, theta_pt], 1)).split(1, 1)
        return torch.cat([charge, r, theta, z, pt, theta_pt, pz], 1), aux

    def step(muons: Tensor) -> None:
        rows = len(muons)
        with torch.no_grad():
            generator.eval()
            fakes, _ = generate(rows)
        discriminator.train()
        verdicts = discriminator(torch.cat([fakes, muons]))
        labels = torch.cat([torch.zeros(rows, 1), torch.ones(rows, 1)])
        loss_dis = functional.binary_cross_entropy(verdicts, labels)

        generator.train()
        fakes, aux = generate(rows)
        discriminator.eval()
        loss_gan = -discriminator(fakes).clamp(1e-7, 1 - 1e-7).log().mean()
        asked = zip(regressors, (1, 3, 4, 6), aux.unbind(1), strict=True)
        misses = [functional.mse_loss(net(fakes[:, at : at + 1])[:, 0], each) for net, at, each in asked]
        loss_aux = misses[0] + misses[1] + misses[2] + misses[3]
        loss_gen = loss_aux + 10 * loss_gan
        of_gen, of_dis = torch.autograd.grad(loss_gen, gen), torch.autograd.grad(loss_dis, dis)
        _descend(gen_opt, of_gen)
        _descend(dis_opt, of_dis)
        for loss in (loss_gen, loss_dis, loss_aux, loss_gan):
            loss.item()

    return step


def aux_aae(width: int = 1000) -> Step:
    """(2·B, 4) auxiliary values: the first half for the discriminator, the second for encoder and decoder."""
    encoder = _keras(4, width, width, 4, slope=0.3, dropout=0.2, end=nn.ReLU())
    decoder = _keras(4, width, width, 4, slope=0.3, dropout=0.2, end=nn.ReLU())
    discriminator = _keras(4, width, width, 1, slope=0.3, dropout=0.2, end=nn.Sigmoid())
    gen, dis = [*encoder.parameters(), *decoder.parameters()], list(discriminator.parameters())
    gen_opt, dis_opt = torch.optim.Adam(gen, lr=1e-4), torch.optim.Adam(dis, lr=1e-4)

    def step(aux: Tensor) -> None:
        first, second = aux.chunk(2)
        with torch.no_grad():
            encoder.eval()
            code = encoder(first)
        discriminator.train()
        verdicts = discriminator(torch.cat([code, torch.randn_like(code).abs()]))
        labels = torch.cat([torch.zeros(len(first), 1), torch.ones(len(first), 1)])
        loss_dis = functional.binary_cross_entropy(verdicts, labels)

        encoder.train()
        code = encoder(second)
        recon = decoder(code)
        discriminator.eval()
        fooled = -discriminator(code).clamp(1e-7, 1 - 1e-7).log().mean()
        loss_gen = functional.mse_loss(recon, second) + 3 * fooled
        of_gen, of_dis = torch.autograd.grad(loss_gen, gen), torch.autograd.grad(loss_dis, dis)
        _descend(gen_opt, of_gen)
        _descend(dis_opt, of_dis)

    return step


def boost_vae(hidden: Sequence[int] = (250, 500, 500, 250)) -> Step:
    """(B, 6) seen columns, without boost."""
    trunk = _keras(6, *hidden, 1, slope=0.2, norm="before", end=None)[:-1]
    to_mean, to_logvar = nn.Linear(hidden[-1], 4), nn.Linear(hidden[-1], 4)
    decoder = _keras(4, *hidden, 6, slope=0.2, norm="before", end=nn.Tanh())
    parameters = list(chain(*(net.parameters() for net in (trunk, to_mean, to_logvar, decoder))))
    optimizer = torch.optim.Adam(parameters, lr=4e-4, betas=(0.5, 0.999), amsgrad=True)

    def step(muons: Tensor) -> None:
        features = trunk(muons)
        mean, logvar = to_mean(features), to_logvar(features)
        recon = decoder(mean + torch.exp(logvar / 2) * torch.randn_like(mean))
        loss_recon = (muons - recon).square().mean(-1).mean()
        kld = (-0.5 * (1 + logvar - mean.square() - logvar.exp()).sum(-1)).mean()
        _descend(optimizer, torch.autograd.grad(1e-4 * kld + loss_recon, parameters))
        kld.item()
        loss_recon.item()

    return step


def mlp_aae(pixels: int = 784, latent: int = 10) -> Step:
    """(B, pixels). The discriminator takes one step on draws and one on codes, with one Adam for everything."""

    def dense(*widths: int, end: nn.Module | None) -> nn.Sequential:
        return _keras(*widths, slope=0.2, end=end)

    trunk = dense(pixels, 512, 512, 1, end=None)[:-1]
    to_mean, to_logvar = nn.Linear(512, latent), nn.Linear(512, latent)
    decoder, critic = dense(latent, 512, 512, pixels, end=nn.Tanh()), dense(latent, 512, 256, 1, end=nn.Sigmoid())
    gen = list(chain(*(net.parameters() for net in (trunk, to_mean, to_logvar, decoder))))
    dis = list(critic.parameters())
    gen_opt, dis_opt = (torch.optim.Adam(each, lr=2e-4, betas=(0.5, 0.999)) for each in (gen, dis))

    def encode(images: Tensor) -> Tensor:
        hidden = trunk(images)
        mean = to_mean(hidden)
        return mean + torch.exp(to_logvar(hidden) / 2) * torch.randn_like(mean)

    def step(images: Tensor) -> None:
        real, fake = torch.ones(len(images), 1), torch.zeros(len(images), 1)
        with torch.no_grad():
            fakes = encode(images)
        draws = torch.from_numpy(rng.normal(size=(len(images), latent)).astype(np.float32))
        for codes, labels in ((draws, real), (fakes, fake)):
            loss_dis = functional.binary_cross_entropy(critic(codes), labels)
            _descend(dis_opt, torch.autograd.grad(loss_dis, dis))
            loss_dis.item()
        code = encode(images)
        fooled = functional.binary_cross_entropy(critic(code), real)
        loss_gen = 0.999 * functional.mse_loss(decoder(code), images) + 0.001 * fooled
        _descend(gen_opt, torch.autograd.grad(loss_gen, gen))
        loss_gen.item()

    return step


def mlp_aae_twin(pixels: int = 1024, latent: int = 10) -> Step:
    """(B, pixels). The generator's loss gives the discriminator gradients too, which are thrown away."""
    trunk = nn.Sequential(
        *(nn.Linear(pixels, 512), nn.LeakyReLU(0.2, inplace=True)),
        *(nn.Linear(512, 512), nn.BatchNorm1d(512), nn.LeakyReLU(0.2, inplace=True)),
    )
    to_mean, to_logvar = nn.Linear(512, latent), nn.Linear(512, latent)
    decoder = nn.Sequential(
        *(nn.Linear(latent, 512), nn.LeakyReLU(0.2, inplace=True)),
        *(nn.Linear(512, 512), nn.BatchNorm1d(512), nn.LeakyReLU(0.2, inplace=True)),
        *(nn.Linear(512, pixels), nn.Tanh()),
    )
    critic = nn.Sequential(
        *(nn.Linear(latent, 512), nn.LeakyReLU(0.2, inplace=True)),
        *(nn.Linear(512, 256), nn.LeakyReLU(0.2, inplace=True)),
        *(nn.Linear(256, 1), nn.Sigmoid()),
    )
    gen = chain(*(net.parameters() for net in (trunk, to_mean, to_logvar, decoder)))
    gen_opt = torch.optim.Adam(gen, lr=2e-4, betas=(0.5, 0.999))
    dis_opt = torch.optim.Adam(critic.parameters(), lr=2e-4, betas=(0.5, 0.999))
    judge, measure = nn.BCELoss(), nn.L1Loss()

    def draws(rows: int) -> Tensor:
        return torch.FloatTensor(rng.normal(0, 1, (rows, latent)))

    def step(images: Tensor) -> None:
        real, fake = torch.ones(len(images), 1), torch.zeros(len(images), 1)
        gen_opt.zero_grad()
        hidden = trunk(images)
        mean, deviation = to_mean(hidden), torch.exp(to_logvar(hidden) / 2)
        code = draws(len(images)) * deviation + mean
        loss_gen = 0.001 * judge(critic(code), real) + 0.999 * measure(decoder(code), images)
        loss_gen.backward()
        gen_opt.step()
        dis_opt.zero_grad()
        of_draws, of_codes = judge(critic(draws(len(images))), real), judge(critic(code.detach()), fake)
        loss_dis = 0.5 * (of_draws + of_codes)
        loss_dis.backward()
        dis_opt.step()
        loss_dis.item()
        loss_gen.item()

    return step
