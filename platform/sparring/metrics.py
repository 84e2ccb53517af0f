"""Every metric once: name, unit, direction, definition, source.

A model emits metrics by these names; the ledger, TensorBoard, the report and the objective of a space use the same
names. A model of the user's own defines those that only it has (``define``). ``train/…`` figures are means over the
epoch's samples, ``val/…`` over the validation split in eval mode.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from .errors import UnknownName, UsageError, names_hint


@dataclass(frozen=True, kw_only=True)
class Metric:
    """One figure: ``definition`` is a sentence or formula a reader can recompute it from."""

    name: str
    unit: str
    goal: Literal["minimize", "maximize", "none"]
    definition: str
    source: str = ""


def _table(*metrics: Metric) -> Mapping[str, Metric]:
    return {metric.name: metric for metric in metrics}


METRICS: Mapping[str, Metric] = _table(
    Metric(
        name="val/score",
        unit="share of the target's variance",
        goal="minimize",
        definition="mean over the model's predictions (an autoencoder's reconstruction, where it makes no other) of "
        "MSE(prediction, target) / variance of the target on the training rows; 1.0 is the mean predictor",
    ),
    Metric(
        name="val/mse_recon_structure",
        unit="descriptor units²",
        goal="minimize",
        definition="mean squared error of structure → structure, raw units",
    ),
    Metric(
        name="val/mse_recon_spectrum",
        unit="spectrum units²",
        goal="minimize",
        definition="mean squared error of spectrum → spectrum, raw units",
    ),
    Metric(
        name="val/mse_predict_structure",
        unit="descriptor units²",
        goal="minimize",
        definition="mean squared error of spectrum → structure, raw units",
    ),
    Metric(
        name="val/mse_predict_spectrum",
        unit="spectrum units²",
        goal="minimize",
        definition="mean squared error of structure → spectrum, raw units",
    ),
    Metric(
        name="val/distance",
        unit="1",
        goal="minimize",
        definition="how far generated rows are from real ones (codes: from draws of their prior): root mean square, "
        "over frequencies of length 1, 2 and 4 along each column, sum and difference of two, of the difference of the "
        "characteristic functions, less the samples' own noise; muons made normal on the training rows; 0 for a match",
        source="T. W. Epps, K. J. Singleton, J. Stat. Comput. Simul. 26 (1986) 177: the idea; unweighted here",
    ),
    Metric(
        name="val/auc",
        unit="1",
        goal="minimize",
        definition="area under the ROC curve of boosted trees (100 of depth 4, rate 0.1) that tell generated rows from "
        "real ones (codes: draws of their prior from codes), learned from auc_rows training rows and as many generated "
        "ones, scored on all validation rows and further generated ones; 0.5 is perfect, 1 is told apart without error",
        source="the authors' figure of merit, models/metrics/two_sample.py; there learned from 50,000 + 50,000 rows",
    ),
    Metric(
        name="val/distance_rare10",
        unit="1",
        goal="minimize",
        definition="as val/distance, but of the rarest tenth alone and relative to what they are: rare is farther out "
        "than nine tenths of the training rows by the Mahalanobis distance of r, z, pt and pz, made normal; 0 for a "
        "match, about 1 where no such muon is made",
        source="P. C. Mahalanobis, Proc. Natl. Inst. Sci. India 2 (1936) 49: what is far out",
    ),
    Metric(
        name="val/distance_rare1",
        unit="1",
        goal="minimize",
        definition="as val/distance_rare10, of the rarest hundredth",
    ),
    Metric(
        name="val/auc_rare10",
        unit="1",
        goal="minimize",
        definition="as val/auc, by the same trees, of the rarest tenth of real and generated rows alone (see "
        "val/distance_rare10); 1 where none is generated, 0.5 where no validation row is rare",
    ),
    Metric(
        name="val/auc_rare1",
        unit="1",
        goal="minimize",
        definition="as val/auc_rare10, of the rarest hundredth",
    ),
    Metric(
        name="val/code_score",
        unit="1",
        goal="minimize",
        definition="val/distance of the codes / that of the auxiliary values themselves + val/share_recon; 1 for an "
        "encoder that changes nothing",
    ),
    Metric(
        name="val/share_recon",
        unit="share of the variance",
        goal="minimize",
        definition="squared error of the reconstruction / variance, mean over the columns, muons made normal on the "
        "training rows; 1 is about the mean",
    ),
    Metric(
        name="val/correlation",
        unit="1",
        goal="minimize",
        definition="the largest absolute Pearson correlation between two numbers of the code",
    ),
    Metric(
        name="val/pearson",
        unit="1",
        goal="maximize",
        definition="Pearson correlation of a column with its reconstruction, mean over the columns, muons made normal "
        "on the training rows",
    ),
    Metric(
        name="val/mse_aux",
        unit="1",
        goal="minimize",
        definition="mean squared error between the auxiliary values asked of the generator and what the regressors "
        "find in the muons it made; 0 where it is asked for none",
    ),
    Metric(
        name="val/mse_recon",
        unit="squared raw units (images: intensities from 0 to 1)",
        goal="minimize",
        definition="mean squared error of the reconstruction, from the code's mean where the encoder gives a "
        "distribution; of images at the model's size",
    ),
    Metric(
        name="val/ms_ssim",
        unit="1",
        goal="maximize",
        definition="multi-scale structural similarity of image and reconstruction, as many of 5 scales as an 11-point "
        "window fits in; 1 where they are equal",
        source="Z. Wang, E. P. Simoncelli, A. C. Bovik, Asilomar 2003",
    ),
    Metric(
        name="val/kld",
        unit="nat",
        goal="none",
        definition="divergence of the code's distribution from N(0, I), summed over the code, mean over samples",
    ),
    Metric(
        name="val/mmd_prior",
        unit="1",
        goal="minimize",
        definition="squared maximum mean discrepancy between all codes and the prior, Gaussian kernel, unbiased: about "
        "0 for a match, 0.15 for codes that are all 0, more for codes that lie elsewhere",
        source="A. Gretton et al., JMLR 13 (2012) 723",
    ),
    Metric(
        name="val/mmd_sample",
        unit="1",
        goal="minimize",
        definition="squared maximum mean discrepancy between samples decoded from 256 fixed draws of the prior and the "
        "training rows (images at most 16 pixels a side), Gaussian kernel, unbiased: about 0 for a match",
        source="A. Gretton et al., JMLR 13 (2012) 723",
    ),
    Metric(
        name="val/code_variance",
        unit="share of the prior's variance",
        goal="none",
        definition="mean over the code of the variance of its mean over samples; 0 is a collapsed code",
    ),
    Metric(
        name="val/balance",
        unit="1",
        goal="minimize",
        definition="val/score + val/mmd_prior / 0.15: the share of the variance that the reconstruction loses, and how "
        "far codes lie from the prior, where 1 is about codes that are all 0; so 2 for such codes, 1 for mere draws",
    ),
    Metric(
        name="val/probe",
        unit="1",
        goal="maximize",
        definition="share of the validation rows whose nearest code among those of probe_rows training rows, drawn "
        "evenly, is of a row of the same class; on sets that say the class of each row",
        source="T. M. Cover, P. E. Hart, Nearest neighbor pattern classification, IEEE Trans. Inf. Theory 13 (1967) 21",
    ),
    Metric(
        name="val/parzen",
        unit="nat",
        goal="maximize",
        definition="mean log-likelihood of a validation row (images from 0 to 1, flat rows as shares of each column's "
        "range in training) under Gaussian windows on samples decoded from the prior, as wide as suits 1,000 training "
        "rows best of 16 widths from 0.03 to 1",
        source="I. Goodfellow et al., arXiv:1406.2661; rough in many dimensions: L. Theis et al., arXiv:1511.01844",
    ),
    Metric(
        name="val/auroc_reconstruction",
        unit="1",
        goal="maximize",
        definition="chance that an image of out_dataset has a higher reconstruction score than a validation image "
        "(0.5: told apart as by a coin)",
    ),
    Metric(
        name="val/auroc_discriminator",
        unit="1",
        goal="maximize",
        definition="chance that the discriminator finds an image of out_dataset less real than a validation image",
    ),
    Metric(
        name="health/dis_auc",
        unit="1",
        goal="none",
        definition="share of pairs of a real and a fake sample of one training batch (the epoch's last 8) of which the "
        "discriminator finds the real one more real, the mean over kinds of fakes; 0.5 is a coin, 1 a discriminator "
        "that is never wrong",
    ),
    Metric(
        name="health/logit_gap",
        unit="",
        goal="none",
        definition="by how much the discriminator's raw output on real samples is above that on fakes, over the same "
        "batches; with loss_dis bce in nats",
    ),
    Metric(
        name="health/grad_dis",
        unit="1",
        goal="none",
        definition="norm of the discriminator's gradient at the epoch's last step over the sum of those of all phases",
    ),
    Metric(
        name="health/moved_dis",
        unit="1",
        goal="none",
        definition="how far the discriminator's weights are from where they were an epoch before, over their norm "
        "there; 0 if it does not learn",
    ),
    Metric(
        name="health/swing",
        unit="1",
        goal="none",
        definition="deviation over root mean square of the discriminator's loss (without one, the model's first) over "
        "the epoch's steps: 0 is steady, 1 swings about 0",
    ),
    Metric(
        name="health/active_units",
        unit="share of the code",
        goal="none",
        definition="numbers of the code whose mean varies over validation samples by more than 0.01 of the prior's "
        "variance; 0 is a collapsed code",
        source="Y. Burda et al., arXiv:1509.00519",
    ),
    Metric(
        name="health/diversity",
        unit="share of the data's variance",
        goal="none",
        definition="variance over samples of what the model makes (decoded draws of the prior; generated muons; of "
        "aegan its predictions, of aux_aae its reconstructions), the mean over their numbers, over that of the "
        "training rows; 0 if all are the same",
    ),
    Metric(name="train/loss_gen", unit="", goal="none", definition="the generator's weighted loss, as optimised"),
    Metric(name="train/loss_dis", unit="nat", goal="none", definition="the discriminators' loss, as optimised"),
    Metric(
        name="train/loss_adv",
        unit="nat",
        goal="none",
        definition="the generator's adversarial term before its weight: how badly it fools the discriminators",
    ),
    Metric(
        name="train/loss_recon",
        unit="",
        goal="none",
        definition="the reconstruction's error as optimised, before any weight",
    ),
    Metric(
        name="train/kld",
        unit="nat",
        goal="none",
        definition="divergence of the code's distribution from N(0, I), before its weight",
    ),
    Metric(
        name="train/loss_aux",
        unit="1",
        goal="none",
        definition="squared error of the auxiliary values, summed over them, before its weight",
    ),
    Metric(
        name="train/loss_reg",
        unit="nat",
        goal="none",
        definition="the encoder's regularisation loss: how badly its codes pass for draws from the prior",
    ),
    Metric(name="train/lr_gen", unit="", goal="none", definition="generator learning rate at the epoch's last step"),
    Metric(
        name="train/lr_dis", unit="", goal="none", definition="discriminator learning rate at the epoch's last step"
    ),
    Metric(
        name="train/lr_recon",
        unit="",
        goal="none",
        definition="learning rate of the reconstruction phase at the epoch's last step",
    ),
    Metric(
        name="train/lr_reg",
        unit="",
        goal="none",
        definition="learning rate of the regularisation phase at the epoch's last step",
    ),
)


NAME_RULE = re.compile(r"(train|val)/[a-z0-9_]{1,60}")

_OWN: dict[str, Metric] = {}
"""Those that models of the user's own have defined in this process."""


def define(metrics: Iterable[Metric], where: str) -> None:
    """Adds the metrics of a model of one's own; one that it defines anew is replaced. where: what messages call it.

    Raises UsageError if one has a name of another form, or that of a metric which is defined here.
    """
    for metric in metrics:
        if not isinstance(metric, Metric):
            raise UsageError(f"{where}: Config.defines holds sparring.metrics.Metric, but got {metric!r}")
        if not NAME_RULE.fullmatch(metric.name):
            raise UsageError(
                f"{where}: a metric of your own is called val/… or train/…, small letters, digits and _, but got "
                f"{metric.name!r}"
            )
        if metric.name in METRICS:
            raise UsageError(
                f"{where}: Config.defines: {metric.name} is defined already, as {METRICS[metric.name].definition}; "
                "give yours another name"
            )
        if metric.goal not in ("minimize", "maximize", "none"):
            raise UsageError(f"{where}: {metric.name}: goal is minimize, maximize or none, but got {metric.goal!r}")
        _OWN[metric.name] = metric


def known_metric(name: str) -> Metric | None:
    """The metric called ``name``; None if there is none."""
    return METRICS.get(name) or _OWN.get(name)


def find_metric(name: str) -> Metric:
    """The metric called ``name``; raises UnknownName with the list of those there are."""
    if (metric := known_metric(name)) is None:
        raise UnknownName(f"no metric {name!r}; {names_hint(name, [*METRICS, *_OWN])}")
    return metric
