"""Of reconstructions, predictions, codes and scores: the ``val/…`` figures that compare rows with rows."""

from __future__ import annotations

from .metric import Metric

VALIDATION = (
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
        name="val/r_factor",
        unit="share of the spectrum's square",
        goal="minimize",
        definition="R-factor of the predicted spectra: mean over spectra of the squared difference over the real "
        "spectrum's square, both summed over points; a weak spectrum counts as much as a strong one; 0 where equal; "
        "of the iron set 0.046 for the mean spectrum, 0.097 for that of another complex, 0.0005 through noise of 0.01",
        source="usual in fits of EXAFS, as in Larch's feffit: M. Newville, J. Phys. Conf. Ser. 430 (2013) 012007",
    ),
    Metric(
        name="val/edge_shift",
        unit="eV",
        goal="minimize",
        definition="mean over spectra of the absolute difference between the edges of predicted and real spectrum: "
        "where it first reaches half of its last quarter's mean, between points by a line; 0 where equal; of the iron "
        "set 2.5 for the mean spectrum, 3.6 for that of another complex, 0.2 through noise of 0.01",
    ),
    Metric(
        name="val/white_line",
        unit="eV",
        goal="minimize",
        definition="mean over spectra of the absolute difference between the energies at which predicted and real "
        "spectrum are highest, between points by a parabola; 0 where equal; of the iron set 3.8 for the mean spectrum, "
        "6.6 for that of another complex, 0.3 through noise of 0.01",
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
        name="val/accuracy",
        unit="1",
        goal="maximize",
        definition="share of the validation rows whose class is the one that the encoder finds likeliest; it has been "
        "told that of labelled_rows training rows",
        source="A. Makhzani et al., arXiv:1511.05644, section 5",
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
)
