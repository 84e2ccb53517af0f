"""The dense systems, each from its configuration, the shapes of its fields and its weights.

What they compute is explained in ``models/<name>/model.py``; here is only what the verbs need, in eval mode.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from .frames import HalfNormalRanks, MuonFrame, Scaling, from_coefficients, quantile, to_coefficients
from .layers import EPS, Mixture, Net, Tensors, dense, normal_share, relu, sigmoid, softplus, stack
from .pictures import to_signed

Arrays = Mapping[str, np.ndarray]
"""By field or draw, (N, …) float32."""
Shapes = Mapping[str, tuple[int, ...]]


_NEAREST = 1e-6
"""Shares of auxiliary values are kept so far from 0 and 1."""


class System:
    """What all have: what each verb takes, and what a sample is drawn from."""

    verbs: tuple[str, ...] = ()

    def __init__(self, config: Mapping[str, Any], shapes: Shapes, tensors: Tensors) -> None:
        self.config, self.shapes = config, shapes

    def takes(self, verb: str) -> tuple[str, ...]:
        """Fields that the verb takes; one is enough."""
        return tuple(self.shapes)

    def draws(self, n: int, random: np.random.Generator, boost: float) -> dict[str, np.ndarray]:
        """What ``sample`` takes, by name, (n, …); nothing if there is no such verb."""
        return {}

    def sample(self, draws: Arrays) -> Arrays:
        raise NotImplementedError


def _normal(n: int, size: int, random: np.random.Generator) -> np.ndarray:
    return random.standard_normal((n, size), dtype=np.float32)


class AEGAN(System):
    """Structures and spectra, either from either, or only what its ``mode`` learned."""

    verbs: tuple[str, ...] = ("predict", "reconstruct")

    def __init__(self, config: Mapping[str, Any], shapes: Shapes, tensors: Tensors) -> None:
        super().__init__(config, shapes, tensors)
        self._source = {"train_xyz": "structure", "train_xanes": "spectrum"}.get(config.get("mode", "all"))
        if self._source:
            self.verbs = ("predict",)
        gen, shared, kind = config["n_hl_gen"], config["n_hl_shared"], config["activation"]

        def net(name: str, layers: int, end: str) -> Net:
            return stack(tensors, name, layers, kind, end=end)

        self._fields = ("structure", "spectrum")
        self._encoders = {name: net(f"{name}_encoder", gen + 1, "code") for name in self._fields}
        self._shared = (net("shared_encoder", shared + 1, "code"), net("shared_decoder", shared + 1, "code"))
        self._decoders = {name: net(f"{name}_decoder", gen + 1, "linear") for name in self._fields}
        self._inputs = {name: Scaling(tensors, f"{name}_input") for name in self._fields}
        self._targets = {name: Scaling(tensors, f"{name}_target") for name in self._fields}
        self._turned = ("spectrum",) if config.get("fourier") else ()  # bundles of before had no choice

    def takes(self, verb: str) -> tuple[str, ...]:
        return (self._source,) if self._source else super().takes(verb)

    def predict(self, rows: Arrays) -> Arrays:
        other = dict(zip(self._fields, reversed(self._fields), strict=True))
        return {other[name]: self._path(name, other[name], x) for name, x in rows.items()}

    def reconstruct(self, rows: Arrays) -> Arrays:
        return {name: self._path(name, name, x) for name, x in rows.items()}

    def _path(self, source: str, target: str, x: np.ndarray) -> np.ndarray:
        encoder, decoder = self._shared
        seen = self._inputs[source](to_coefficients(x) if source in self._turned else x)
        output = self._decoders[target](decoder(encoder(self._encoders[source](seen))))
        shown = self._targets[target].inverse(sigmoid(output) if self.config["loss_gen"] == "bce" else output)
        return from_coefficients(shown) if target in self._turned else shown


class MLPAAE(System):
    """Images or flat rows through a code."""

    verbs = ("reconstruct", "encode", "sample")

    def __init__(self, config: Mapping[str, Any], shapes: Shapes, tensors: Tensors) -> None:
        super().__init__(config, shapes, tensors)
        norm = "before" if config["norm"] == "batch" else None
        has_dropout = config["dropout"] > 0

        def net(name: str) -> Net:
            return dense(tensors, name, 2, norm=norm, first_norm=1, eps=EPS, has_dropout=has_dropout)

        self._encoder, self._decoder = net("encoder"), net("decoder")
        self._is_gaussian = config["encoder"] == "stochastic"
        self._classes = config.get("classes") or 0  # bundles of before had none
        self._is_said = bool(self._classes and config.get("labelled_rows"))
        self._shape = shapes["image"]
        self._scaling: Scaling | None = None
        if len(self._shape) == 1:
            self._scaling = Scaling(tensors, "frame.scaling")
        else:
            side = config["image_size"] or max(self._shape[1:])
            self._shape = (config["channels"] or self._shape[0], side, side)

    def reconstruct(self, rows: Arrays) -> Arrays:
        x, answer = self._encoded(rows["image"])
        mean = self._mean(answer)
        if self._is_said:
            return {"image": self._decode(np.concatenate([mean, _softmax(answer[:, -self._classes :])], axis=1))}
        if self._classes:
            return {"image": self._best(x, mean)}
        return {"image": self._decode(mean)}

    def encode(self, rows: Arrays) -> Arrays:
        _, answer = self._encoded(rows["image"])
        codes = {"codes": self._mean(answer)}
        size = self.config["latent_dim"]
        return codes | {"log_variances": answer[:, size : 2 * size]} if self._is_gaussian else codes

    def _mean(self, answer: np.ndarray) -> np.ndarray:
        return answer[:, : self.config["latent_dim"]]

    def _encoded(self, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What the encoder reads, and all that it answers: means, log variances, logits of classes."""
        if self._scaling is not None:
            x = 2 * self._scaling(image) - 1
        else:
            x = to_signed(image, self._shape[0], self._shape[1]).reshape(len(image), -1)
        return x, self._encoder(x)

    def _best(self, x: np.ndarray, mean: np.ndarray) -> np.ndarray:
        """Each row under the class that brings it back best."""
        every = np.eye(self._classes, dtype=np.float32)
        outputs = [
            np.tanh(self._decoder(np.concatenate([mean, np.broadcast_to(one, (len(mean), len(one)))], axis=1)))
            for one in every
        ]
        best = np.argmin([np.square(output - x).mean(1) for output in outputs], axis=0)
        return self._shown(np.stack(outputs)[best, np.arange(len(x))])

    def draws(self, n: int, random: np.random.Generator, boost: float) -> dict[str, np.ndarray]:
        codes = {"codes": _normal(n, self.config["latent_dim"], random) * np.float32(self.config["prior_std"])}
        if not self._classes:
            return codes
        return codes | {"classes": np.eye(self._classes, dtype=np.float32)[random.integers(self._classes, size=n)]}

    def sample(self, draws: Arrays) -> Arrays:
        return {"image": self._decode(np.concatenate([draws[name] for name in sorted(draws, reverse=True)], axis=1))}

    def _decode(self, code: np.ndarray) -> np.ndarray:
        return self._shown(np.tanh(self._decoder(code)))

    def _shown(self, output: np.ndarray) -> np.ndarray:
        share = (output + 1) / 2
        return share.reshape(-1, *self._shape) if self._scaling is None else self._scaling.inverse(share)


class AuxGAN(System):
    """Muons as rare as asked."""

    verbs = ("sample",)

    def __init__(self, config: Mapping[str, Any], shapes: Shapes, tensors: Tensors) -> None:
        super().__init__(config, shapes, tensors)
        self._aux = {"1d": 4, "4d": 1, "codes": config.get("codes", 0), "none": 0}[config["aux"]]
        norm = "after" if config.get("norm_gen", "batch") == "batch" else None  # bundles of before had no choice
        self._generator = dense(tensors, "generator", len(config["hidden_gen"]), norm=norm, end=np.tanh)
        self._mixing = tensors.get("mixing")
        self._frame = MuonFrame(tensors, "frame", config["frame"] == "box")
        self._charged = tensors["charged"]

    def draws(self, n: int, random: np.random.Generator, boost: float) -> dict[str, np.ndarray]:
        return {
            "noise": _normal(n, self.config["noise"], random),
            "aux": self._half_normal(_normal(n, self._aux, random)) * np.float32(boost),
            "uniform": random.random((n, 3), dtype=np.float32),
        }

    def _half_normal(self, normal: np.ndarray) -> np.ndarray:
        if self._mixing is None:
            folded: np.ndarray = np.abs(normal)
            return folded
        share = np.clip(normal_share(normal @ self._mixing.T), _NEAREST, 1 - _NEAREST)
        return quantile((1 + share) / 2).astype(np.float32)

    def sample(self, draws: Arrays) -> Arrays:
        uniform = draws["uniform"]
        charge, angles = _charges(uniform[:, :1], self._charged), self._frame.angles(uniform[:, 1:])
        made = self._generator(np.concatenate([draws["noise"], draws["aux"], charge, angles], axis=1))
        (r, z, pt, pz), (theta, theta_pt) = made.T, angles.T
        return {"muons": self._frame.outward(np.stack([r, theta, z, pt, theta_pt, pz], axis=1), charge)}


class AuxAAE(System):
    """Rareness through codes that are independent."""

    verbs = ("reconstruct", "encode", "sample")

    def __init__(self, config: Mapping[str, Any], shapes: Shapes, tensors: Tensors) -> None:
        super().__init__(config, shapes, tensors)
        hidden, has_dropout = len(config["hidden_gen"]), config["dropout"] > 0
        end = {"relu": relu, "softplus": softplus}[config["code"]]
        self._encoder = dense(tensors, "encoder", hidden, slope=0.3, has_dropout=has_dropout, end=end)
        self._decoder = dense(tensors, "decoder", hidden, slope=0.3, has_dropout=has_dropout, end=relu)
        self._ranks = HalfNormalRanks(tensors, "ranks")

    def reconstruct(self, rows: Arrays) -> Arrays:
        return self.sample(self.encode(rows))

    def encode(self, rows: Arrays) -> Arrays:
        return {"codes": self._encoder(self._ranks(rows["rareness"][:, :4]))}

    def draws(self, n: int, random: np.random.Generator, boost: float) -> dict[str, np.ndarray]:
        return {"codes": np.abs(_normal(n, self.config["latent_dim"], random)) * np.float32(boost)}

    def sample(self, draws: Arrays) -> Arrays:
        return {"rareness": self._ranks.inverse(self._decoder(draws["codes"]))}


class BoostVAE(System):
    """Muons through a code."""

    verbs = ("reconstruct", "encode", "sample")

    def __init__(self, config: Mapping[str, Any], shapes: Shapes, tensors: Tensors) -> None:
        super().__init__(config, shapes, tensors)
        hidden = len(config["hidden"])
        self._encoder = dense(tensors, "encoder", hidden, norm="before")
        self._decoder = dense(tensors, "decoder", hidden, norm="before", end=np.tanh)
        self._frame = MuonFrame(tensors, "frame", config["frame"] == "box")
        self._charged = tensors["charged"]
        # Bundles of before had neither choice.
        self._mixture = Mixture(tensors, "mixture") if config.get("prior", "normal") == "mixture" else None
        self._deviation = 0.0
        if config.get("decoder_noise", "none") == "likelihood":
            self._deviation = min((3 * config["w_kld"] / max(config["w_recon"], 1e-12)) ** 0.5, 1.0)

    def takes(self, verb: str) -> tuple[str, ...]:
        return ("muons",)

    def reconstruct(self, rows: Arrays) -> Arrays:
        seen = self._decoder(self.encode(rows)["codes"])
        return {"muons": self._frame.outward(seen, rows["muons"][:, :1])}

    def encode(self, rows: Arrays) -> Arrays:
        mean, log_variance = np.split(self._encoder(self._frame.inward(rows["muons"])), 2, axis=1)
        return {"codes": mean, "log_variances": log_variance}

    def draws(self, n: int, random: np.random.Generator, boost: float) -> dict[str, np.ndarray]:
        codes = _normal(n, self.config["latent_dim"], random)
        if self._mixture is not None:
            codes = self._mixture.place(codes, random.random((n, 1), dtype=np.float32))
        noise = {"noise": _normal(n, 6, random)} if self._deviation else {}
        return {"codes": codes, "uniform": random.random((n, 1), dtype=np.float32)} | noise

    def sample(self, draws: Arrays) -> Arrays:
        charge, seen = _charges(draws["uniform"], self._charged), self._decoder(draws["codes"])
        if self._deviation:
            seen = np.clip(seen + np.float32(self._deviation) * draws["noise"], -1, 1)
        return {"muons": self._frame.outward(seen, charge)}


def _softmax(logits: np.ndarray) -> np.ndarray:
    shares = np.exp(logits - logits.max(1, keepdims=True))
    answer: np.ndarray = shares / shares.sum(1, keepdims=True)
    return answer


def _charges(uniform: np.ndarray, charged: np.ndarray) -> np.ndarray:
    """Uniform numbers, (B, 1), as charges 1 and -1 in the shares of the training rows."""
    return np.where(uniform < charged, 1.0, -1.0).astype(np.float32)


SYSTEMS: Mapping[str, type[System]] = {
    "aegan": AEGAN,
    "mlp_aae": MLPAAE,
    "auxgan": AuxGAN,
    "aux_aae": AuxAAE,
    "boost_vae": BoostVAE,
}
