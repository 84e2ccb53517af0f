"""The published training steps, written plainly for ``published_steps.py``: what the systems are measured against.

Each opponent takes a batch as its code's loop hands it over and does one step in that code's order, with its nets,
passes, optimizers, labels and ``.item()`` calls; loss weights and rates are the published defaults. Printing, progress
bars and plots are left out. Where the code is TensorFlow's, the same passes in eager torch: a tape's gradients are
``torch.autograd.grad`` with respect to its variables, and what lies outside every tape is under ``no_grad``.

    aegan              XANESNET b71fa175, ``aegan_learn.py``, ``model.py``
    advvae             GenerativeZoo e72f399, ``AdversarialVAE.py``
    aae, aae_sparring  Adversarial-Autoencoders 27e3e5d, ``train.py``
    auxgan             Enhanced_Generative_Networks 2d5f149, ``GAN_4D.py`` (four auxiliary values)
    aux_aae, boost_vae the same, 3a64d0d, ``AAE.py`` (mse for its loss without a minimum) and ``VAE.py``
    mlp_aae            Keras-GAN, ``aae.py``
    mlp_aae_twin       PyTorch-GAN 36d3c77, ``aae.py``
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain, pairwise

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

Step = Callable[..., None]

rng = np.random.default_rng(0)


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
