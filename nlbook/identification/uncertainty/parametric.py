"""What the method itself does to a fit: data made by the law, estimated and fitted as the data.

An adaptive estimate of a density does not commute with jumps, samples are finite, and times lie
apart: a fit is biased by all of it, and redrawing the data (`bootstrap_power_law`) shows the
scatter of a fit but not its bias. So particles start from the places where those of the data are at
the first time, jump by a law, and are counted, estimated and fitted in the same way.

Fits of such replicates of many laws theta = (alpha, log delta, log variance rate) tell which laws
make fits as that of the data, f (indirect inference [1]_): rounds of laws, first widely around f,
then where the replicates so far have put the law, with a margin, teach a likelihood of theta
(`nlbook.identification.uncertainty.synthetic`). An interval holds quantiles of theta given f, with
a flat prior over the range of laws tried near the corrected one. One response dm/dtheta and one
scatter won't do in their place: an adaptive fit feels the law's alpha by a third and trades it off
with delta, and scatter changes with the law. The corrected law is first the median of theta given
f; replicates of that very law then say by how much they miss f, and it is moved until they don't
(`nlbook.identification.uncertainty.polishing`). These replicates teach the likelihood as well.

Particles of replicates are independent of one another. Where the data's are not, as dislocations of
one crystal, fits scatter by more, which a bootstrap over batches shows (`BatchFits`): what its
covariance has beyond that of replicates is added to theirs.

The cost of replicates of the corrected law is what the method leaves on data that obey the law: the
cost of the data beside it is a test of fit.

References
----------
.. [1] C. Gourieroux, A. Monfort, E. Renault, "Indirect inference", J. Appl. Econometrics 8 (1993)
   S85.
"""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nlbook.checks import check_integer, real_array
from nlbook.densities import density_snapshots
from nlbook.identification.bilevel.fits import FitProblem, fit_of_result, result_of_fit
from nlbook.identification.bilevel.objective import trial_operator
from nlbook.identification.bilevel.power_law import PowerLawFit, silent_fit
from nlbook.identification.bilevel.search import Bounds
from nlbook.identification.bilevel.settings import FitSettings
from nlbook.identification.bilevel.verdicts import FitWarning
from nlbook.identification.uncertainty.bootstrap import settings_at
from nlbook.identification.uncertainty.corrected_law import (
    LAST,
    ParametricFits,
    range_of,
    theta_of,
    unit_rate,
)
from nlbook.identification.uncertainty.polishing import (
    CREDIBLE,
    Agreement,
    agreement,
    step_towards,
)
from nlbook.identification.uncertainty.synthetic import LearnedLikelihood, sample_laws
from nlbook.identification.uncertainty.walks import walking_counts
from nlbook.kernels import PowerLawKernel
from nlbook.parallel import run_tasks

__all__ = ["parametric_bootstrap", "replicate_task"]

# Raised when replicates change, so that stored ones are left aside.
_SCHEMA = 2

# Scatter of the laws tried first, about the fit: more than any bias that was met.
_WIDE = np.array([0.6, 0.6, 0.15])
# Later rounds: of the likelihood to the power of one by so much; and how far they may leave the
# range tried before, as a part of it.
_MARGIN, _BEYOND = 1.0, 0.2


def parametric_bootstrap(
    counts: ArrayLike,
    edges: ArrayLike,
    times: ArrayLike,
    *,
    grid: ArrayLike,
    n_replicates: int = 60,
    n_laws: int = 120,
    n_rounds: int = 5,
    max_steps: int = 5,
    seed: int,
    settings: FitSettings | None = None,
    bounds: Bounds | None = None,
    start: tuple[float, float] | None = None,
    tolerance: float = 1e-3,
    cluster: Any = None,
    workers: int | None = None,
    **densities: Any,
) -> ParametricFits:
    """Correct a fit for what the method does to it, and test whether the law fits.

    Parameters
    ----------
    counts : array_like, shape (n_times, n_bins) or (n_times, n_bins + 2)
        Of the data, in fine uniform bins. Where fewer are counted later, as many particles of a
        replicate are taken away by chance; more are not added.
    edges, times, grid
        As in `nlbook.densities.density_snapshots`.
    n_replicates : int
        Of each law that is compared with the data; those of the corrected one give the bias and
        the test of fit.
    n_laws : int
        Laws tried, with a replicate each; at least 15 a round.
    n_rounds : int
        In which they are tried.
    max_steps : int
        Steps of the law towards one whose replicates are fitted as the data.
    seed : int
        Of all random numbers.
    settings, bounds, start, tolerance
        As in `bootstrap_power_law`.
    cluster, workers
        As in `nlbook.parallel.run_tasks`.
    **densities
        Further arguments of `nlbook.densities.density_snapshots`.

    Returns
    -------
    ParametricFits
        Its `warnings` are also raised as a `FitWarning` each: where the steps did not suffice.

    Raises
    ------
    ValueError
        As `fit_power_law`, `density_snapshots` and `walking_counts`.
    """
    n_replicates = check_integer("n_replicates", n_replicates, 2)
    n_rounds = check_integer("n_rounds", n_rounds, 1)
    n_laws = check_integer("n_laws", n_laws, 15 * n_rounds)
    max_steps = check_integer("max_steps", max_steps, 0)
    seed = check_integer("seed", seed, 0)
    table, at = real_array("counts", counts, ndim=2), real_array("times", times, ndim=1)
    chosen = settings_at(at, settings)
    data = density_snapshots(table, edges, at, grid=grid, **densities)
    whole = silent_fit(data, chosen, bounds=bounds, start=start, tolerance=tolerance)
    rule, spacing = whole.settings.rule, data.spacing
    common = {
        "start_counts": table[0], "numbers": table.sum(axis=1), "edges": edges, "times": at,
        "grid": data.grid, "settings": chosen, "bounds": whole.bounds, "tolerance": tolerance,
        "start": (whole.alpha, whole.horizon), "densities": densities,
    }  # fmt: skip

    def replicates(
        thetas: NDArray[np.float64], first: int
    ) -> tuple[NDArray[np.float64], list[PowerLawFit]]:
        tasks = []
        for number, theta in enumerate(thetas, first):
            alpha, log_horizon, log_rate = theta.tolist()
            horizon = math.exp(log_horizon)
            strength = math.exp(log_rate) / unit_rate(alpha, horizon, spacing, rule)
            law = np.array([alpha, horizon, strength])
            tasks.append({**common, "law": law, "replicate": number, "seed": seed})
        with warnings.catch_warnings():  # around the threads: filters are the process's
            warnings.simplefilter("ignore")  # of the data, the fit of the data speaks
            found = run_tasks(
                replicate_task,
                tasks,
                cluster=cluster,
                workers=workers,
                schema=_SCHEMA,
                progress=False,
            )
        problem = FitProblem(data, chosen, whole.bounds, None, tolerance)
        refused = [str(result["refused"]) for result in found if "refused" in result]
        if 2 * len(refused) > len(found):
            raise ValueError(f"most replicates could not be fitted: {refused[0]}")
        # a law whose replicate can't be fitted has not made data that could
        able = [k for k, result in enumerate(found) if "refused" not in result]
        return thetas[able], [fit_of_result(found[k], problem) for k in able]

    target = theta_of([whole])[0]
    (low, high), (near, far) = whole.bounds
    least = np.array([low, math.log(near), -np.inf])
    most = np.array([high, math.log(far), np.inf])
    tried, fitted = np.empty((0, 3)), np.empty((0, 3))
    done = 0
    for number in range(n_rounds):
        size = n_laws * (number + 1) // n_rounds - done
        generator = np.random.default_rng([seed, number])
        if number == 0:
            new = target + _WIDE * generator.standard_normal((size, 3))
            new = np.where(new < least, 2 * least - new, new)  # reflected
            new = np.where(new > most, 2 * most - new, new)
            new = np.clip(new, least, most)
        else:
            least_tried, most_tried = range_of(tried)
            room = _BEYOND * (most_tried - least_tried)
            laws = sample_laws(
                LearnedLikelihood(tried, fitted, target),
                np.maximum(least_tried - room, least), np.minimum(most_tried + room, most),
                generator, tempered=_MARGIN,
            )  # fmt: skip
            new = laws[generator.choice(len(laws), size, replace=False)]
        new, found = replicates(new, done)
        done += size
        tried, fitted = np.vstack([tried, new]), np.vstack([fitted, theta_of(found)])
    low_tried, high_tried = range_of(tried)
    generator = np.random.default_rng([seed, LAST])
    laws = sample_laws(LearnedLikelihood(tried, fitted, target), low_tried, high_tried, generator)
    first, allowed = np.median(laws, axis=0), np.cov(laws.T)
    theta = first
    n_compared, part = 0, 1.0
    best: tuple[NDArray[np.float64], list[PowerLawFit], Agreement] | None = None
    while True:
        new, found = replicates(
            np.tile(theta, (n_replicates, 1)), n_laws + n_compared * n_replicates
        )
        n_compared += 1
        tried, fitted = np.vstack([tried, new]), np.vstack([fitted, theta_of(found)])
        here = agreement(theta_of(found), target, tolerance)
        if best is None or here.distance < best[2].distance:
            best = theta, found, here
        else:  # too long a step: a shorter one, from the same law
            part *= 0.5
        theta, found, here = best
        if here.distance <= CREDIBLE or n_compared > max_steps:
            break
        learned = LearnedLikelihood(tried, fitted, target)
        step = part * step_towards(learned, theta, here.off, len(found), first, allowed)
        theta = np.clip(theta + step, low_tried, high_tried)
    alpha, log_horizon, log_rate = theta.tolist()
    horizon, rate = math.exp(log_horizon), math.exp(log_rate)
    law = (alpha, horizon, rate / unit_rate(alpha, horizon, spacing, rule), rate)
    result = ParametricFits(
        whole, law, here.distance <= CREDIBLE, here.distance, n_compared, tuple(found), spacing,
        tried, fitted, seed,
    )  # fmt: skip
    for remark in result.warnings:
        warnings.warn(remark, FitWarning, stacklevel=2)
    return result


def replicate_task(
    law: NDArray[np.float64],
    replicate: int,
    seed: int,
    start_counts: NDArray[np.float64],
    numbers: NDArray[np.float64],
    edges: Any,
    times: NDArray[np.float64],
    grid: NDArray[np.float64],
    settings: FitSettings,
    bounds: Bounds,
    tolerance: float,
    start: tuple[float, float],
    densities: dict[str, Any],
) -> dict[str, NDArray[Any]]:
    """Particles of a law (alpha, delta, D), their densities, and the fit of these from a start."""
    alpha, horizon, strength = law.tolist()
    operator = trial_operator(PowerLawKernel(alpha, horizon), grid, settings.rule)
    made = walking_counts(
        operator, strength, times, start_counts, edges, (seed, replicate), numbers=numbers
    )
    try:
        snapshots = density_snapshots(made, edges, times, grid=grid, workers=1, **densities)
        fit = silent_fit(snapshots, settings, bounds=bounds, start=start, tolerance=tolerance)
    except ValueError as error:  # particles beyond the edges, say: no fit as the data's
        return {"refused": np.array(str(error))}
    return result_of_fit(fit)
