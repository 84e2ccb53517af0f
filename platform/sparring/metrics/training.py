"""Of training itself: its losses and learning rates, ``train/…``, and the state of its health, ``health/…``."""

from __future__ import annotations

from .metric import Metric

TRAINING = (
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
    Metric(
        name="train/loss_cycle",
        unit="",
        goal="none",
        definition="how far structures and spectra are from what is predicted of their predictions: loss_gen over "
        "the loss scale of each",
        source="J.-Y. Zhu et al., arXiv:1703.10593",
    ),
    Metric(
        name="train/loss_cls",
        unit="nat",
        goal="none",
        definition="cross entropy of the classes that the encoder says of the rows whose class it is told",
    ),
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
