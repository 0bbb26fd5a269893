"""Density estimates of a million samples, against scipy and KDEpy, and against the plain sums."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from KDEpy import FFTKDE, NaiveKDE
from scipy.stats import gaussian_kde

from nlbook.densities import adaptive_bandwidths, adaptive_kde, density_snapshots
from tests.benchmarks.measuring import Table, seconds
from tests.densities.plain import large_kde, plain_kde

N = 1_000_000
GRID = np.linspace(-40.0, 40.0, 1601)
EDGES = np.linspace(-60.0, 60.0, 24001)  # bins of 0.005, as in the record of chapter 1
STUDENT = "Student, 3 degrees of freedom"


def samples(n: int) -> dict[str, np.ndarray]:
    """Samples by name of their law; those of the Cauchy law as far as the grid reaches."""
    generator = np.random.default_rng(1)
    cauchy = generator.standard_cauchy(2 * n)
    return {
        STUDENT: generator.standard_t(3, n),
        "normal": generator.normal(size=n),
        "Cauchy, within 40": cauchy[np.abs(cauchy) < 40.0][:n],
    }


def once(call: Callable[[], Any]) -> float:
    """Time of one call, for those of many seconds."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def density_table() -> Table:
    """Time of an estimate, its error, and what libraries take."""
    table = Table(
        "densities",
        "Densities of a million samples on 1601 nodes",
        "One core. Errors are the largest relative ones over all nodes between the outermost "
        "samples; of 20 000, over all within ten bandwidths of a sample. The direct sum at a "
        "million takes its pilot from nodes a thirty-second of the bandwidth apart. KDEpy's "
        "estimators cut the Gaussian's tails; its fast one, by Fourier transforms, has one "
        "bandwidth. scipy and KDEpy are given a histogram in bins of a "
        "thirty-second of the bandwidth, with weights, too, and KDEpy a bandwidth for each bin: "
        "that is how one would use them. The time to make it is theirs, the bandwidths are given. "
        "The series is 101 histograms of a million shifts each, in threads.",
    )
    many = samples(N)
    values = many[STUDENT]
    bandwidth = 1.06 * values.std(ddof=1) * N**-0.2
    ours = seconds(lambda: adaptive_kde(values, GRID))
    fixed = seconds(lambda: adaptive_kde(values, GRID, 0.0))
    wide = np.linspace(values.min() - 1.0, values.max() + 1.0, 1601)  # FFTKDE needs all inside
    widths = np.full(N, bandwidth)
    naive = once(lambda: NaiveKDE(bw=widths).fit(values).evaluate(GRID))
    fourier = seconds(lambda: FFTKDE(bw=bandwidth).fit(values).evaluate(wide))
    n_bins = round(float(np.ptp(values)) / (bandwidth / 32))

    def histogram():
        counts, edges = np.histogram(values, n_bins)
        filled = np.flatnonzero(counts)
        return 0.5 * (edges[filled] + edges[filled + 1]), counts[filled].astype(float)

    places, many_there = histogram()
    of_bins = np.interp(places, np.sort(values), adaptive_bandwidths(np.sort(values)))
    by_bins = seconds(
        lambda: NaiveKDE(bw=of_bins).fit(histogram()[0], weights=many_there).evaluate(GRID)
    )
    scipy_bins = seconds(
        lambda: gaussian_kde(histogram()[0], bw_method=1.06 * N**-0.2, weights=many_there)(GRID)
    )
    scipy_time = once(lambda: gaussian_kde(values, bw_method=1.06 * N**-0.2)(GRID))
    table.add(
        "adaptive", ours * 1e3, "ms", at_most=100.0,
        ratio=by_bins / ours, against="KDEpy, a bandwidth a bin", ratio_at_least=5.0,
    )  # fmt: skip
    table.add(
        "fixed bandwidth", fixed * 1e3, "ms",
        ratio=scipy_bins / fixed, against="scipy's gaussian_kde of a histogram",
        ratio_at_least=5.0,
    )  # fmt: skip
    table.add(
        "fixed bandwidth, beside Fourier", fixed * 1e3, "ms",
        ratio=fourier / fixed, against="KDEpy's FFTKDE",
    )  # fmt: skip
    table.add("KDEpy, a bandwidth a sample, one evaluation", naive, "s")
    table.add("KDEpy, a bandwidth a bin of a fine histogram", by_bins, "s")
    table.add("scipy's gaussian_kde", scipy_time, "s")
    table.add("scipy's gaussian_kde of a fine histogram", scipy_bins, "s")
    table.add("KDEpy's FFTKDE", fourier * 1e3, "ms")
    for law, few in samples(20_000).items():
        near = np.min(np.abs(GRID[:, None] - few) / adaptive_bandwidths(few), axis=1) < 10
        inside = GRID[near]  # in gaps and beyond the outermost too
        error = np.max(np.abs(adaptive_kde(few, inside) / plain_kde(few, inside) - 1))
        table.add(f"error at 20 000, {law}", error, "", at_most=1e-4)
    for law, values in many.items():
        inside = GRID[(values.min() < GRID) & (values.max() > GRID)]
        direct, pilot_error = large_kde(values, inside)
        error = np.max(np.abs(adaptive_kde(values, inside) / direct - 1))
        table.add(f"error at a million, {law}", error, "", at_most=1e-4)
        table.add(f"error of that sum's pilot, {law}", pilot_error, "")
    counts = np.histogram(np.clip(many[STUDENT], -39.9, 39.9), EDGES)[0]
    series = np.tile(counts, (101, 1))
    table.add(
        "series of 101 histograms",
        seconds(lambda: density_snapshots(series, EDGES, np.arange(101.0), grid=GRID)),
        "s",
    )
    return table
