"""AEGAN: two autoencoders, of structures and of spectra, that share their core and spar with two discriminators.

    structure ─ structure_encoder ┐                                  ┌ structure_decoder ─ structure ─ structure_dis
                                  ├ shared_encoder ─ shared_decoder ─┤
    spectrum ─── spectrum_encoder ┘                                  └ spectrum_decoder ── spectrum ─── spectrum_dis

Either input leads to either output: two reconstructions and two predictions.

Source: XANESNET (github.com/NewcastleRSE/XANESNET, ``aegan_mlp``), its documentation where its code says otherwise.

Differs from the published code: generators may be told by the discriminators (``w_adv``; 0 is the published code, whose
text says that they are). Discriminators return logits and judge detached fakes against 0 and 1; there a sigmoid came
before a loss of logits, and a fake's label was the answer to the real one. Losses are divided by a constant of the
training rows, not by the largest number of a batch, which may be 0 or less. Regularisers and dropout act; there they
changed only the figure that was printed, or nothing. The cosine loss is 1 − similarity, whose least value is the best
one. Each activation is an instance of its own: nets that shared one PReLU shared its slope. No activation follows a
decoder's last layer. Each optimizer has its schedule; there both belonged to the generator's.

Not here: reading the published input files (``published.py``), and training (``sparring.training``).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from ...data.physics.fourier import restore, transform
from ...errors import DataError
from ..base import Model, Shapes, Step
from ..blocks.eval_mode import eval_mode
from ..blocks.losses import ADVERSARIAL, RECONSTRUCTION, fool, penalty, wcc_kernel
from ..blocks.mlp import freeze_first, initialize_weights, load_pretrained, stack
from ..blocks.scaling import Scaling, moments, positive_or_one, variance_of, variance_per_feature
from ..blocks.slope import bound_slope
from ..blocks.spectral import bound_spectrum
from ..forms import check_shape
from ..metrics.edge import edge_position, r_factor, white_line_position
from ..verbs import Fields, Rows
from . import config
from .config import DISCRIMINATORS, FROZEN_BY, GENERATOR, LEARNED
from .published_weights import SUFFIXES, load_published

LEAST_POINTS = 4
"""Of a spectrum whose edge is sought."""


class AEGAN(Model[config.Config]):
    """The eight nets and their two phases. Rows are float tensors (B, features); B ≥ 2 in training (batch norm)."""

    Config = config.Config

    w_adv: Tensor
    w_cycle: Tensor
    input_noise: Tensor
    loss_gen_reg_param: Tensor
    loss_dis_reg_param: Tensor
    w_r1: Tensor
    w_gp: Tensor

    def __init__(self, config: config.Config, shapes: Shapes) -> None:
        super().__init__(config, shapes)
        self.learned = LEARNED[config.mode]
        h, gen, shared, dis = config.hidden_size, config.n_hl_gen, config.n_hl_shared, config.n_hl_dis

        def net(*widths: int, end: Literal["code", "linear"], normalises: bool = True) -> nn.Sequential:
            return stack(widths, config.activation, config.dropout, end=end, normalises=normalises)

        for name, shape in self.shapes.items():
            check_shape(name, shape)
        if config.energy_step is not None and self.shapes["spectrum"][0] < LEAST_POINTS:
            raise DataError(
                f"energy_step: an edge is found in spectra of at least {LEAST_POINTS} points, but got "
                f"{self.shapes['spectrum'][0]}; leave it out"
            )
        sizes = {name: size for name, (size,) in self.shapes.items()}
        if config.fourier:
            points = sizes["spectrum"]
            sizes["spectrum"] = 2 * points
            self.register_buffer("forth", _matrix(transform(np.eye(points))), persistent=False)
            self.register_buffer("back", _matrix(restore(np.eye(2 * points))), persistent=False)
        a, b = sizes["structure"], sizes["spectrum"]
        self.structure_encoder = net(a, *[h] * (gen + 1), end="code")
        self.spectrum_encoder = net(b, *[h] * (gen + 1), end="code")
        self.shared_encoder = net(*[h] * (shared + 2), end="code")
        self.shared_decoder = net(*[h] * (shared + 2), end="code")
        self.structure_decoder = net(*[h] * (gen + 1), a, end="linear")
        self.spectrum_decoder = net(*[h] * (gen + 1), b, end="linear")
        normalises = config.norm_dis == "batch"
        self.structure_dis = net(a, *[h] * dis, 1, end="linear", normalises=normalises)
        self.spectrum_dis = net(b, *[h] * dis, 1, end="linear", normalises=normalises)
        if config.norm_dis == "spectral":
            bound_spectrum(self.structure_dis)
            bound_spectrum(self.spectrum_dis)

        for name, size in sizes.items():
            self.add_module(f"{name}_input", Scaling(size, config.input_scaling))
            self.add_module(f"{name}_target", Scaling(size, config.target_scaling))
            self.register_buffer(f"{name}_loss_scale", torch.ones(()))
            self.register_buffer(f"{name}_variance", torch.ones(()))
            if config.loss_gen == "wcc":
                self.register_buffer(f"{name}_kernel", wcc_kernel(size, config.wcc_width), persistent=False)
        self.register_weights(
            w_adv=config.w_adv,
            w_recon_structure=config.w_recon_structure,
            w_recon_spectrum=config.w_recon_spectrum,
            w_predict_structure=config.w_predict_structure,
            w_predict_spectrum=config.w_predict_spectrum,
            w_cycle=config.w_cycle,
            input_noise=config.input_noise,
            loss_gen_reg_param=config.loss_gen_reg_param,
            loss_dis_reg_param=config.loss_dis_reg_param,
            w_r1=config.w_r1,
            w_gp=config.w_gp,
        )
        for name, (key, _) in FROZEN_BY.items():
            freeze_first(getattr(self, name), getattr(config.freeze, key))

    def initialize(self) -> None:
        """Draws the weights; then, with ``pretrained``, takes the file's instead. Raises CheckpointError."""
        nets = [getattr(self, name) for name in GENERATOR + DISCRIMINATORS]
        initialize_weights(nets, self.config.kernel_init, self.config.bias_init, self.config.weight_init_seed)
        if self.config.pretrained is not None:
            path = Path(self.config.pretrained)
            (load_published if path.suffix in SUFFIXES else load_pretrained)(self, path)

    @torch.no_grad()
    def prepare(self, train: Mapping[str, Tensor]) -> None:
        """Fits scaling, loss scales and the score's variances on the training rows.

        Pretrained weights keep the scaling they were trained with: it is part of the function they compute.
        """
        for name in self.config.fields:
            target, seen = self._part(name, "target"), self._seen(name, train[name])
            if self.config.pretrained is None:
                self._part(name, "input").fit(seen)
                target.fit(seen)
            scaled = target(seen)
            if self.config.loss_scale in ("target_max", "target_var"):
                scale = scaled.amax() if self.config.loss_scale == "target_max" else variance_per_feature(scaled)
                self.get_buffer(f"{name}_loss_scale").copy_(positive_or_one(scale))
            self.get_buffer(f"{name}_variance").copy_(positive_or_one(variance_per_feature(train[name])))

    # -- phases -------------------------------------------------------------------------------------------------------

    def gen(self, structure: Tensor, spectrum: Tensor) -> Step:
        """Both autoencoders learn to reconstruct, to predict and, with w_adv, to pass for real.

        loss = Σ_d [w_recon_d·L(recon_d, d) + w_predict_d·L(predict_d, d)] / scale_d
               + w_cycle·Σ_d L(back_d, d) / scale_d + w_adv·Σ_f A(f, real) + loss_gen_reg_param·‖encoders and decoders‖

        d: structure and spectrum, of each the paths that ``mode`` learns; L: loss_gen; scale: loss_scale; A: what
        loss_dis makes of the discriminator's output on the fake f, one of the two reconstructions and two predictions.
        back_d: what is predicted of the prediction that d led to; batch norms see that pass as they see the first.
        Whether a term is there at all is decided when the model is built, by its weight > 0: with w_adv 0 no
        discriminator is run.
        """
        rows = {name: self._seen(name, x) for name, x in (("structure", structure), ("spectrum", spectrum))}
        inputs = {name: self._part(name, "input")(x) for name, x in rows.items()}
        if self.config.input_noise > 0:
            inputs = {name: x + self.input_noise * torch.randn_like(x) for name, x in inputs.items()}
        raw = self._decode({name: self._encode(name, x) for name, x in inputs.items()})
        targets = {name: self._part(name, "target")(x) for name, x in rows.items()}
        terms = [self._error(name, raw, targets[name]) for name in self.config.fields]
        loss = terms[0] + terms[1]

        fakes = {name: self._read(output) for name, output in raw.items()}
        metrics = {}
        if self.config.w_cycle > 0 and self.config.mode == "all":
            metrics["train/loss_cycle"] = self._cycle(fakes, targets)
            loss = loss + self.w_cycle * metrics["train/loss_cycle"]
        if self.config.w_adv > 0:
            metrics["train/loss_adv"] = self._adversarial(fakes)
            loss = loss + self.w_adv * metrics["train/loss_adv"]
        if self.config.loss_gen_reg_type != "none":
            nets = [getattr(self, name) for name in GENERATOR if not name.startswith("shared")]
            loss = loss + self.loss_gen_reg_param * penalty(self.config.loss_gen_reg_type, nets)
        reals = {f"real_{name}": target for name, target in targets.items()}
        return Step(loss, {"train/loss_gen": loss} | metrics, fakes | reals)

    def dis(
        self,
        real_structure: Tensor,
        real_spectrum: Tensor,
        recon_structure: Tensor,
        recon_spectrum: Tensor,
        predict_structure: Tensor,
        predict_spectrum: Tensor,
    ) -> Step:
        """The discriminators learn real rows from the four fakes, in target-scaled units.

        loss = ½·Σ_d A(d, real) + ¼·Σ_f A(f, fake) + loss_dis_reg_param·‖discriminators‖
               + Σ_d [w_r1·½‖∇z_d(d)‖² + w_gp·(‖∇z_d(between)‖ − 1)²]

        z: a discriminator's output, in eval mode; between: somewhere between a real row and one of both fakes.
        A: loss_dis. With bce, discriminators that only guess pay 2·ln 2 = 1.386, and perfect ones 0; the published
        code, which reads probabilities as logits, cannot fall below 1.006.
        """
        judge = ADVERSARIAL[self.config.loss_dis]
        fakes = {
            "recon_structure": recon_structure, "predict_structure": predict_structure,
            "recon_spectrum": recon_spectrum, "predict_spectrum": predict_spectrum,
        }  # fmt: skip
        fakes = {path: fake for path, fake in fakes.items() if path in self.learned}
        rows = {"structure": real_structure, "spectrum": real_spectrum}
        rows = {name: real for name, real in rows.items() if any(_field(path) == name for path in fakes)}
        of_reals = {name: getattr(self, f"{name}_dis")(real) for name, real in rows.items()}
        of_fakes = {path: getattr(self, f"{_field(path)}_dis")(fake) for path, fake in fakes.items()}
        told = [judge(of_real, True) for of_real in of_reals.values()]
        fooled = [judge(of_fake, False) for of_fake in of_fakes.values()]
        loss = 0.5 * sum(told[1:], told[0]) + 0.5 * len(told) / len(fooled) * sum(fooled[1:], fooled[0])
        if self.config.loss_dis_reg_type != "none":
            nets = [self.structure_dis, self.spectrum_dis]
            loss = loss + self.loss_dis_reg_param * penalty(self.config.loss_dis_reg_type, nets)
        for name, row in rows.items():
            made = torch.cat([made for path, made in fakes.items() if _field(path) == name])
            loss = bound_slope(loss, self, getattr(self, f"{name}_dis"), row, made)
        judged = [(of_reals[_field(path)], of_fake) for path, of_fake in of_fakes.items()]
        return Step(loss, {"train/loss_dis": loss}, {}, tuple(judged))

    def _seen(self, name: str, x: Tensor) -> Tensor:
        """A field as the nets learn it, before scaling: with ``fourier`` a spectrum's coefficients, (B, 2N)."""
        return x @ self.get_buffer("forth") if self.config.fourier and name == "spectrum" else x

    def _shown(self, name: str, seen: Tensor) -> Tensor:
        """Back to raw units, (B, N)."""
        return seen @ self.get_buffer("back") if self.config.fourier and name == "spectrum" else seen

    def _encode(self, name: str, x: Tensor) -> Tensor:
        """Scaled inputs of one domain, (B, features), to what both decoders read, (B, hidden)."""
        code: Tensor = self.shared_decoder(self.shared_encoder(getattr(self, f"{name}_encoder")(x)))
        return code

    def _decode(self, codes: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """From each domain's code both outputs as they leave the decoders: recon_x if its own, else predict_x."""
        return {
            f"{'recon' if source == name else 'predict'}_{name}": getattr(self, f"{name}_decoder")(code)
            for source, code in codes.items()
            for name in self.config.fields
        }

    def _read(self, output: Tensor) -> Tensor:
        """A decoder's output in target-scaled units: the loss bce makes it a logit."""
        return output.sigmoid() if self.config.loss_gen == "bce" else output

    def _error(self, name: str, outputs: Mapping[str, Tensor], target: Tensor) -> Tensor:
        measure = RECONSTRUCTION[self.config.loss_gen]
        kernel = (self.get_buffer(f"{name}_kernel"),) if self.config.loss_gen == "wcc" else ()
        both = (f"recon_{name}", f"predict_{name}")
        terms = [
            self.get_buffer(f"w_{path}") * measure(outputs[path], target, *kernel)
            for path in both
            if path in self.learned
        ]
        if not terms:
            return target.new_zeros(())
        error = terms[0] if len(terms) == 1 else terms[0] + terms[1]
        if self.config.loss_scale == "output_max":
            largest = torch.stack([self._read(outputs[path]).amax() for path in both]).amax()
            return error / positive_or_one(largest.detach())
        return error / self.get_buffer(f"{name}_loss_scale")

    def _cycle(self, fakes: Mapping[str, Tensor], targets: Mapping[str, Tensor]) -> Tensor:
        """How far each field is from what is predicted of the prediction that it led to, over its loss scale."""
        measure, terms = RECONSTRUCTION[self.config.loss_gen], []
        for name, other in zip(self.config.fields, reversed(self.config.fields), strict=True):
            made = self._part(other, "target").inverse(fakes[f"predict_{other}"])
            back = getattr(self, f"{name}_decoder")(self._encode(other, self._part(other, "input")(made)))
            kernel = (self.get_buffer(f"{name}_kernel"),) if self.config.loss_gen == "wcc" else ()
            terms.append(measure(back, targets[name], *kernel) / self.get_buffer(f"{name}_loss_scale"))
        return terms[0] + terms[1]

    def _adversarial(self, fakes: Mapping[str, Tensor]) -> Tensor:
        loss = self.config.loss_dis
        told = [(path, fake) for path, fake in fakes.items() if path in self.learned]
        losses = [fool(loss, getattr(self, f"{_field(path)}_dis")(fake)) for path, fake in told]
        return sum(losses[1:], losses[0])

    def _part(self, name: str, role: Literal["input", "target"]) -> Scaling:
        part: Scaling = getattr(self, f"{name}_{role}")
        return part

    # -- validation ---------------------------------------------------------------------------------------------------

    def evaluate(self, **batch: Tensor) -> dict[str, Tensor]:
        """Per path the sum over samples of the squared error, a mean over features in raw units; the score's sum; n."""
        outputs = self._outputs({name: batch[name] for name in self.config.fields})
        sums = {path: (output - batch[_field(path)]).square().mean(-1).sum() for path, output in outputs.items()}
        judged = [name for name in self.config.fields if f"predict_{name}" in self.learned]
        shares = [sums[f"predict_{name}"] / self.get_buffer(f"{name}_variance") for name in judged]
        n = torch.full_like(shares[0], len(batch["structure"]))
        for name in self.config.fields:
            sums[f"spread_{name}"] = moments(outputs[f"predict_{name}"])
        made, real = outputs["predict_spectrum"], batch["spectrum"]
        sums["r_factor"] = r_factor(made, real).sum()
        if self.config.energy_step is not None:
            sums["edge_shift"] = (edge_position(made) - edge_position(real)).abs().sum()
            sums["white_line"] = (white_line_position(made) - white_line_position(real)).abs().sum()
        return sums | {"score": sum(shares[1:], shares[0]) / len(shares), "n": n}

    def figures(self, sums: Mapping[str, Tensor]) -> dict[str, float]:
        names = [name for name in sums if name != "n" and not name.startswith("spread")]
        means = {name: float(sums[name]) / float(sums["n"]) for name in names}
        for name in ("edge_shift", "white_line"):  # so far in steps of the grid
            if name in means:
                means[name] *= self.config.energy_step or 0.0
        is_error = {*LEARNED["all"]}
        return {f"val/mse_{name}" if name in is_error else f"val/{name}": mean for name, mean in means.items()}

    def health(self, sums: Mapping[str, Tensor]) -> dict[str, float]:
        """How diverse the predictions are, the mean over both fields."""
        shares = [
            variance_of(sums[f"spread_{name}"], sums["n"]).mean() / self.get_buffer(f"{name}_variance").cpu()
            for name in self.config.fields
        ]
        return {"health/diversity": float(shares[0] + shares[1]) / 2}

    # -- verbs --------------------------------------------------------------------------------------------------------

    def reconstruct(self, rows: Rows) -> Fields:
        """Each given field as its own autoencoder returns it, raw units, (N, features) → (N, features).

        Raises DataError if neither is given.
        """
        return self._answer("recon", rows)

    def predict(self, rows: Rows) -> Fields:
        """The other field of each given one, raw units: of ``structure`` the ``spectrum``.

        Raises DataError if neither is given.
        """
        return self._answer("predict", rows)

    def codes(self, rows: Rows) -> Fields:
        """By given field the shared code that it leads to, (N, hidden_size). Raises DataError if neither is given."""
        given = {name: rows[name] for name in self.config.fields if name in rows}
        if not given:
            raise DataError("encode: needs a structure, a spectrum or both, but got neither")
        with torch.no_grad(), eval_mode(self):
            inputs = {name: self._part(name, "input")(self._seen(name, x)) for name, x in given.items()}
            return {name: self.shared_encoder(getattr(self, f"{name}_encoder")(x)) for name, x in inputs.items()}

    def _answer(self, verb: Literal["recon", "predict"], rows: Rows) -> Fields:
        given = {name: rows[name] for name in self.config.fields if name in rows}
        if not given:
            raise DataError(f"{verb}: needs a structure, a spectrum or both, but got neither")
        with torch.no_grad(), eval_mode(self):
            outputs = self._outputs(given)
        found = {
            _field(path): output for path, output in outputs.items() if path.startswith(verb) and path in self.learned
        }
        if not found:
            raise DataError(
                f"{verb}: the model learned {', '.join(self.learned)} alone (mode {self.config.mode}), which does not "
                f"begin with the given {' and '.join(given)}"
            )
        return found

    def _outputs(self, rows: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Every path that the given fields lead to, raw units."""
        inputs = {name: self._part(name, "input")(self._seen(name, x)) for name, x in rows.items()}
        answers = {}
        for path, output in self._decode({name: self._encode(name, x) for name, x in inputs.items()}).items():
            field = _field(path)
            answers[path] = self._shown(field, self._part(field, "target").inverse(self._read(output)))
        return answers


def _matrix(rows: np.ndarray) -> Tensor:
    """A linear map by what it makes of each unit vector; ``x @ matrix`` applies it."""
    return torch.from_numpy(rows).to(torch.get_default_dtype())


def _field(path: str) -> str:
    """The field that a path such as ``predict_spectrum`` ends in."""
    return path.partition("_")[2]
