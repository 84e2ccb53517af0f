"""Of what a model makes: the ``val/…`` figures that compare generated samples with real rows."""

from __future__ import annotations

from .metric import Metric

SAMPLES = (
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
        "ones, scored on all validation rows and further generated ones; 0.5 is perfect, 1 is told apart without "
        "error. Images (at most 16 pixels a side), series (at most 128 times) and flat rows with noise of a tenth; of "
        "series it is a discriminative score. Copies of training rows are not told: see val/copies",
        source="the authors' figure of merit, models/metrics/two_sample.py; there learned from 50,000 + 50,000 rows",
    ),
    Metric(
        name="val/precision",
        unit="share of samples",
        goal="maximize",
        definition="samples that are nearer to one of sample_rows training rows than the third nearest of these is; "
        "distances of images (at most 16 pixels a side), series (at most 128 times) and flat rows in columns' "
        "deviations; 0.85 to 0.94 for held-out real rows of the embedded sets, 600 sample_rows",
        source="T. Kynkäänniemi et al., arXiv:1904.06991; there in the features of a net",
    ),
    Metric(
        name="val/recall",
        unit="share of validation rows",
        goal="maximize",
        definition="validation rows that are nearer to one of sample_rows samples than the third nearest of these is, "
        "by the distances of val/precision; 0.83 to 0.91 for held-out real rows of the embedded sets, 600 sample_rows",
        source="T. Kynkäänniemi et al., arXiv:1904.06991; there in the features of a net",
    ),
    Metric(
        name="val/density",
        unit="1",
        goal="none",
        definition="a fifth of the number of samples that are nearer to a validation row than the fifth nearest of as "
        "many training rows, mean over validation rows, by the distances of val/precision; 1 for held-out real rows, "
        "less for samples off the data, more for samples that crowd where data are dense",
        source="M. F. Naeem et al., arXiv:2002.09797; there balls end at validation rows",
    ),
    Metric(
        name="val/coverage",
        unit="share of validation rows",
        goal="maximize",
        definition="validation rows to which one of sample_rows samples is nearer than the fifth nearest of as many "
        "training rows, by the distances of val/precision; 0.97 for held-out real rows, whatever the data",
        source="M. F. Naeem et al., arXiv:2002.09797; there balls end at validation rows",
    ),
    Metric(
        name="val/copies",
        unit="share of samples",
        goal="minimize",
        definition="samples that are nearer to a training row (of the first 10,000) than 95 % of the validation rows "
        "are, by the distances of val/precision; 0.05 for held-out real rows, 1 for copies, 0 also for samples far "
        "from all data: look at it beside another figure",
        source="C. Meehan et al., arXiv:2004.05675: the idea; there the distances' medians are compared",
    ),
    Metric(
        name="val/spectrum",
        unit="dB",
        goal="minimize",
        definition="log-spectral distance: root mean square, over frequencies and channels, of 10·log10 of the mean "
        "power of validation series over that of sample_rows samples, no power below a millionth of the channel's "
        "mean; 0.3 for held-out real rows of ring-downs (820 against 600 samples)",
        source="A. H. Gray, J. D. Markel, IEEE Trans. ASSP 24 (1976) 380",
    ),
    Metric(
        name="val/autocorrelation",
        unit="1",
        goal="minimize",
        definition="root mean square, over channels and lags from 1 to half the length, of the difference between the "
        "mean autocorrelations of validation series and of sample_rows samples, each series about its own mean; 0.01 "
        "to 0.02 for held-out real rows of ring-downs",
        source="M. Wiese et al., arXiv:1907.06673: the figure; there of one series",
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
        name="val/mse_aux",
        unit="1",
        goal="minimize",
        definition="mean squared error between the auxiliary values asked of the generator and what the regressors "
        "find in the muons it made; 0 where it is asked for none",
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
        name="val/parzen",
        unit="nat",
        goal="maximize",
        definition="mean log-likelihood of a validation row (images from 0 to 1, flat rows as shares of each column's "
        "range in training) under Gaussian windows on samples decoded from the prior, as wide as suits 1,000 training "
        "rows best of 16 widths from 0.03 to 1",
        source="I. Goodfellow et al., arXiv:1406.2661; rough in many dimensions: L. Theis et al., arXiv:1511.01844",
    ),
)
