"""The published training steps, written plainly for ``published_steps.py``: what the systems are measured against.

Each opponent takes a batch as its code's loop hands it over and does one step in that code's order, with its nets,
passes, optimizers, labels and ``.item()`` calls; loss weights and rates are the published defaults. Printing, progress
bars and plots are left out. Where the code is TensorFlow's, the same passes in eager torch: a tape's gradients are
``torch.autograd.grad`` with respect to its variables, and what lies outside every tape is under ``no_grad``.

    aegan              XANESNET b71fa175, ``aegan_learn.py``, ``model.py``
    advvae             GenerativeZoo e72f399, ``AdversarialVAE.py``
    aae, aae_sparring  Adversarial-Autoencoders 27e3e5d, ``train.py``

Those of the systems of dense layers stand in ``dense_opponents.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain, pairwise

import torch
from torch import Tensor, nn

Step = Callable[..., None]


def aegan(hidden: int = 256, *, told: bool = False, a: int = 49, b: int = 226, epoch: int = 25) -> Step:
    """(B, a) and (B, b). told: with the adversarial term of the generators that the text has and the code has not.

    Three passes through all generators, none detached, ten through the discriminators; the figures that are only logged
    keep their graphs until the epoch ends.
    """

    def block(i: int, o: int) -> list[nn.Module]:
        return [nn.Linear(i, o), nn.BatchNorm1d(o), nn.PReLU()]

    def code(*widths: int) -> nn.Sequential:
        layers = [layer for i, o in pairwise(widths[:-1]) for layer in block(i, o)]
        return nn.Sequential(*layers, nn.Linear(*widths[-2:]), nn.BatchNorm1d(widths[-1]))

    def out(*widths: int, end: nn.Module) -> nn.Sequential:
        layers = [layer for i, o in pairwise(widths[:-1]) for layer in block(i, o)]
        return nn.Sequential(*layers, nn.Linear(*widths[-2:]), end)

    h = hidden
    encode_a, encode_b = code(a, h, h, h), code(b, h, h, h)
    shared_encode, shared_decode = code(h, h, h, h), code(h, h, h, h)
    decode_a, decode_b = out(h, h, h, a, end=nn.PReLU()), out(h, h, h, b, end=nn.PReLU())
    dis_a, dis_b = out(a, h, h, 1, end=nn.Sigmoid()), out(b, h, h, 1, end=nn.Sigmoid())
    generators = (encode_a, encode_b, shared_encode, shared_decode, decode_a, decode_b)
    gen_opt = torch.optim.Adam(chain(*(net.parameters() for net in generators)), lr=0.01, weight_decay=1e-5)
    dis_opt = torch.optim.Adam(chain(dis_a.parameters(), dis_b.parameters()), lr=1e-4, weight_decay=1e-5)
    measure, judge = nn.MSELoss(), nn.BCEWithLogitsLoss()
    running: list[Tensor | float] = [0.0] * 4
    steps = 0

    def all_paths(x_a: Tensor, x_b: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        code_a, code_b = shared_decode(shared_encode(encode_a(x_a))), shared_decode(shared_encode(encode_b(x_b)))
        return decode_a(code_a), decode_b(code_b), decode_a(code_b), decode_b(code_a)

    def step(x_a: Tensor, x_b: Tensor) -> None:
        nonlocal running, steps
        gen_opt.zero_grad()
        recon_a, recon_b, predict_a, predict_b = all_paths(x_a, x_b)
        max_a, max_b = torch.max(x_a), torch.max(x_b)
        loss = measure(recon_a, x_a) / max_a + measure(recon_b, x_b) / max_b
        loss = loss + measure(predict_a, x_a) / max_a + measure(predict_b, x_b) / max_b
        ones = torch.ones(len(x_a), 1)
        if told:
            loss = loss + judge(dis_a(recon_a), ones) + judge(dis_a(predict_a), ones)
            loss = loss + judge(dis_b(recon_b), ones) + judge(dis_b(predict_b), ones)
        loss.backward()
        gen_opt.step()

        dis_opt.zero_grad()
        recon_a, recon_b, predict_a, predict_b = all_paths(x_a, x_b)
        real = judge(dis_a(x_a), ones) + judge(dis_b(x_b), ones)
        fake = judge(dis_a(predict_a), dis_a(x_a)) + judge(dis_b(predict_b), dis_b(x_b))
        fake = fake + judge(dis_a(recon_a), dis_a(x_a)) + judge(dis_b(recon_b), dis_b(x_b))
        loss_dis = 0.5 * real + 0.25 * fake
        loss_dis.backward()
        dis_opt.step()

        if steps % epoch == 0:
            running = [0.0] * 4
        steps += 1
        paths = zip(running, all_paths(x_a, x_b), (x_a, x_b, x_a, x_b), strict=True)
        running = [total + measure(output, target) for total, output, target in paths]
        (running[0] + running[1] + running[2] + running[3]).item()
        loss_dis.item()

    return step


def advvae(side: int = 32, latent: int = 128, dims: Sequence[int] = (32, 64, 128, 256, 512)) -> Step:
    """(B, 1, side, side). The discriminator's gradients of the first loss are computed and thrown away."""

    def stage(layer: nn.Module, o: int) -> nn.Sequential:
        return nn.Sequential(layer, nn.BatchNorm2d(o), nn.LeakyReLU())

    def halving(dims: Sequence[int]) -> list[nn.Module]:
        return [stage(nn.Conv2d(i, o, 3, stride=2, padding=1), o) for i, o in pairwise((1, *dims))]

    def doubling(i: int, o: int) -> nn.Sequential:
        return stage(nn.ConvTranspose2d(i, o, 3, stride=2, padding=1, output_padding=1), o)

    small = side >> len(dims)
    encode = nn.Sequential(*halving(dims), nn.Flatten())
    to_mean, to_logvar = nn.Linear(dims[-1] * small**2, latent), nn.Linear(dims[-1] * small**2, latent)
    decode = nn.Sequential(
        nn.Linear(latent, dims[-1] * small**2),
        nn.Unflatten(1, (dims[-1], small, small)),
        *(doubling(i, o) for i, o in pairwise((*reversed(dims), dims[0]))),
        nn.Conv2d(dims[0], 1, 3, padding=1),
        nn.Tanh(),
    )
    critic_dims = (32, 64, 128, 256)
    flat = critic_dims[-1] * (side >> 4) ** 2
    critic = nn.Sequential(*halving(critic_dims), nn.Flatten(), nn.Linear(flat, 1), nn.Sigmoid())
    vae = (encode, to_mean, to_logvar, decode)
    vae_opt = torch.optim.Adam(chain(*(net.parameters() for net in vae)), lr=2e-4)
    dis_opt = torch.optim.Adam(critic.parameters(), lr=2e-4)
    judge, measure = nn.BCELoss(), nn.MSELoss()

    def step(images: Tensor) -> None:
        valid, fake = torch.ones(len(images), 1), torch.zeros(len(images), 1)
        vae_opt.zero_grad()
        hidden = encode(images)
        mean, logvar = to_mean(hidden), to_logvar(hidden)
        deviation = torch.exp(0.5 * logvar)
        recon = decode(mean + deviation * torch.randn_like(deviation))
        sample = decode(torch.randn(len(images), latent))
        kld = torch.mean(-0.5 * torch.sum(1 + logvar - mean**2 - logvar.exp(), dim=1), dim=0)
        loss = 0.002 * judge(critic(recon), valid) + 0.002 * judge(critic(sample), valid)
        loss = loss + measure(images, recon) + 1e-4 * kld
        loss.item()
        loss.backward()
        vae_opt.step()
        loss.item()

        dis_opt.zero_grad()
        of_real, of_fake = judge(critic(images), valid), judge(critic(sample.detach()), fake)
        loss_dis = (of_real + 0.5 * of_fake + 0.5 * judge(critic(recon.detach()), fake)) / 2
        loss_dis.item()
        loss_dis.backward()
        dis_opt.step()

    return step


def _aae_nets(dim: int, dropout: float) -> tuple[nn.Sequential, nn.Sequential, nn.Sequential]:
    def halving(i: int, o: int) -> list[nn.Module]:
        return [nn.Conv2d(i, o, 5, stride=2, padding=2), nn.Dropout(dropout), nn.ReLU(True)]

    def doubling(i: int, o: int) -> list[nn.Module]:
        return [nn.ConvTranspose2d(i, o, 5, stride=2, padding=2, output_padding=1), nn.ReLU(True)]

    def dense(i: int, o: int) -> list[nn.Module]:
        return [nn.Linear(i, o), nn.Dropout(dropout), nn.ReLU()]

    d, flat = dim, 64 * dim
    stages = [layer for i, o in pairwise((1, d, 2 * d, 4 * d)) for layer in halving(i, o)]
    encoder = nn.Sequential(*stages, nn.Flatten(), nn.Linear(flat, d))
    start = [nn.Linear(d, flat), nn.ReLU(True), nn.Unflatten(1, (4 * d, 4, 4))]
    end = [nn.ConvTranspose2d(d, 1, 2, stride=2, padding=2), nn.Sigmoid()]
    decoder = nn.Sequential(*start, *doubling(4 * d, 2 * d), *doubling(2 * d, d), *end)
    critic = nn.Sequential(*dense(d, 2 * d), *dense(2 * d, d), *dense(d, 8), *dense(8, 1), nn.Sigmoid())
    return encoder, decoder, critic


def aae(dim: int = 64, dropout: float = 0.1) -> Step:
    """(B, 1, 28, 28). The plain autoencoder, its default: two optimizers, two schedules that step with every batch."""
    encoder, decoder, _ = _aae_nets(dim, dropout)
    optimizers = [torch.optim.Adam(net.parameters(), lr=1e-4) for net in (encoder, decoder)]
    schedules = [torch.optim.lr_scheduler.ExponentialLR(each, gamma=0.99) for each in optimizers]
    measure = nn.MSELoss()

    def step(images: Tensor) -> None:
        encoder.zero_grad()
        decoder.zero_grad()
        loss = measure(decoder(encoder(images)), images)
        loss.backward()
        for optimizer in optimizers:
            optimizer.step()
        loss.item()
        loss.item()
        for schedule in schedules:
            schedule.step()

    return step


def aae_sparring(dim: int = 64, dropout: float = 0.1) -> Step:
    """(B, 1, 28, 28). Its three phases; the discriminator's pass keeps the encoder's graph only to detach it."""
    encoder, decoder, critic = _aae_nets(dim, dropout)
    enc_opt, dec_opt, dis_opt = (torch.optim.Adam(net.parameters(), lr=1e-4) for net in (encoder, decoder, critic))
    measure, judge = nn.MSELoss(), nn.BCELoss()

    def step(images: Tensor) -> None:
        encoder.train()
        decoder.train()
        critic.eval()
        critic.requires_grad_(False)
        encoder.zero_grad()
        decoder.zero_grad()
        loss = measure(decoder(encoder(images)), images)
        loss.backward()
        enc_opt.step()
        dec_opt.step()
        loss.item()

        encoder.eval()
        decoder.eval()
        critic.train()
        critic.requires_grad_(True)
        critic.zero_grad()
        code = encoder(images).detach()
        of_codes, of_draws = critic(code), critic(torch.randn_like(code))
        loss_dis = judge(of_codes, torch.ones_like(of_codes)) + judge(of_draws, torch.zeros_like(of_draws))
        loss_dis.backward()
        dis_opt.step()
        loss_dis.item()

        encoder.train()
        critic.requires_grad_(False)
        encoder.zero_grad()
        verdict = critic(encoder(images))
        loss_reg = judge(verdict, torch.zeros_like(verdict))
        loss_reg.backward()
        enc_opt.step()
        loss_reg.item()

    return step
