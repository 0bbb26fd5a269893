"""From samples of a moving thing to the probability density of where it is.

Kernel estimates with a bandwidth that follows the density, from samples or from fine histograms;
whole time series at once; what trimming and symmetry do to them; and intervals from a bootstrap
over batches of realizations.
"""

from nlbook.densities.bandwidths import resolved_times
from nlbook.densities.comparison import (
    counts_by_distance,
    errors_by_decade,
    mass_by_distance,
    relative_l2,
)
from nlbook.densities.counting import shift_counts
from nlbook.densities.estimation import density_snapshots
from nlbook.densities.estimator import adaptive_bandwidths, adaptive_kde, adaptive_kde_from_counts
from nlbook.densities.resampling import (
    bootstrap_interval,
    bootstrap_snapshots,
    density_interval,
)
from nlbook.densities.series import central_ends
from nlbook.densities.snapshots import DensitySnapshots, DensityWarning

__all__ = [
    "DensitySnapshots",
    "DensityWarning",
    "adaptive_bandwidths",
    "adaptive_kde",
    "adaptive_kde_from_counts",
    "bootstrap_interval",
    "bootstrap_snapshots",
    "central_ends",
    "counts_by_distance",
    "density_interval",
    "density_snapshots",
    "errors_by_decade",
    "mass_by_distance",
    "relative_l2",
    "resolved_times",
    "shift_counts",
]
