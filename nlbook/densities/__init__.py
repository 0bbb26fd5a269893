"""From samples of a moving thing to the probability density of where it is.

Kernel estimates with a bandwidth that follows the density, from samples or from fine histograms,
whole time series at once, and what trimming and symmetry do to them.
"""

from nlbook.densities.estimator import adaptive_kde, adaptive_kde_from_counts
from nlbook.densities.snapshots import DensitySnapshots, density_snapshots

__all__ = [
    "DensitySnapshots",
    "adaptive_kde",
    "adaptive_kde_from_counts",
    "density_snapshots",
]
