"""Intervals, tests and bootstrap for success rates and their differences.

Everything is closed-form or exact but the bootstrap, whose draws come from a generator with a fixed seed: the same records always give
the same figures.
"""

from hamster_bench.evaluation.statistics.agreement import cohen_kappa
from hamster_bench.evaluation.statistics.bootstrap import (
    BOOTSTRAP_NAME,
    RESAMPLES,
    percentile_interval,
    resampled_means,
)
from hamster_bench.evaluation.statistics.clusters import FLIPS, SIGN_FLIP_NAME, mean_over_columns, sign_flip_p
from hamster_bench.evaluation.statistics.family import holm
from hamster_bench.evaluation.statistics.paired import mcnemar_p, paired_difference, unpaired_difference
from hamster_bench.evaluation.statistics.proportions import (
    CONFIDENCE,
    Estimate,
    Interval,
    clopper_pearson_interval,
    mean_over_strata,
    proportion,
    wilson_interval,
)

__all__ = [
    "BOOTSTRAP_NAME",
    "CONFIDENCE",
    "FLIPS",
    "RESAMPLES",
    "SIGN_FLIP_NAME",
    "Estimate",
    "Interval",
    "clopper_pearson_interval",
    "cohen_kappa",
    "holm",
    "mcnemar_p",
    "mean_over_columns",
    "mean_over_strata",
    "paired_difference",
    "percentile_interval",
    "proportion",
    "resampled_means",
    "sign_flip_p",
    "unpaired_difference",
    "wilson_interval",
]
