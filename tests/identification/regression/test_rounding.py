"""A kernel does not hang on rounding, on the unit of u and f, of length, or on the machine."""

import json
import os
import platform
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nlbook.identification import (
    Continuum,
    MengeshaDu,
    Nonnegative,
    PairSpectrum,
    PositiveSymbol,
    TrainingPairs,
    Unconstrained,
    fit_bernstein,
    fractional_pairs,
    linear_kernel,
    manufactured_pairs,
)

ROOT = Path(__file__).resolve().parents[3]
WAYS = {
    "free": Unconstrained(),
    "nonnegative": Nonnegative(),
    "two stages": MengeshaDu(stages=2),
    "joint": MengeshaDu(),
    "symbol": PositiveSymbol(),
    "continuum": Continuum(),
}


def shaken(data, rng, unit=1.0):
    """The same data in another unit of u and f, each number off by about one rounding."""

    def off(values):
        return values * (1 + 2e-16 * rng.standard_normal(values.shape)) * unit**2

    return replace(data, power=off(data.power), cross=off(data.cross), response=off(data.response))


def stored():
    """Pairs (c = 0.03, delta = 0.25) whose fit stopped 2e-3 above the optimum on some machines."""
    with np.load(Path(__file__).with_name("pairs_c003_d025.npz")) as file:
        return PairSpectrum(
            **{name: file[name] if file[name].ndim else file[name].item() for name in file.files}
        )


def noisy_pairs():
    pairs = manufactured_pairs(linear_kernel(0.2), n_samples=200, seed=1)
    noise = 0.1 * pairs.f.std() * np.random.default_rng(2).normal(size=pairs.f.shape)
    return pairs, pairs.f + noise


def distance_allowed(*fits):
    """How far apart the predictions of two fits to the same data may be.

    The programme's objective is |A x - b|**2 and its set convex, so that a feasible x whose
    objective is within e of the least is within sqrt(e) of the optimum, in the norm of A x. What
    rounding of the data does to an objective moves the optimum alike.
    """
    proofs = [fit.certificate for fit in fits]
    return sum(np.sqrt(proof.loss - proof.lower_bound + 2 * proof.rounding) for proof in proofs)


def test_the_verdict_does_not_hang_on_rounding():
    rng = np.random.default_rng(0)
    losses = []
    for _ in range(21):
        fit = fit_bernstein(shaken(stored(), rng), 0.25, 20, Continuum())
        assert 0 <= fit.certificate.gap < 1e-8  # rounding of the loss is 5e-10 of it
        assert fit.converged
        losses.append(fit.certificate.loss)
    assert np.ptp(losses) < 1e-8 * losses[0]


@pytest.mark.parametrize("way", WAYS)
def test_the_kernel_does_not_hang_on_the_unit_of_u_and_f(way):
    pairs, f = noisy_pairs()
    first = None
    for unit in (1.0, 2.0**-300, 1e-100, 1e-6, 1e-3, 1e3, 1e6, 1e100):
        scaled = TrainingPairs(unit * pairs.u, unit * f, pairs.spacing, "periodic")
        fit = fit_bernstein(scaled, 0.2, 6, WAYS[way])
        found = np.array(fit.kernel.coefficients)
        first = found if first is None else first
        # seven coefficients, determined by the data to a part in 1e6 of the largest; those of the
        # continuum fit, with a loss that is noise alone, to sqrt(1e-11) of that
        np.testing.assert_allclose(found, first, rtol=0, atol=1e-5 * np.abs(first).max())
        if unit == 2.0**-300:  # no rounding at all
            np.testing.assert_array_equal(found, first)
        # all of the loss is noise, so that rounding is 1e-11 of it
        assert fit.certificate.gap < 1e-8
        assert fit.converged


@pytest.mark.parametrize("way", WAYS)
def test_the_kernel_does_not_hang_on_the_units_of_length_and_time(way):
    pairs, f = noisy_pairs()
    first = np.array(
        fit_bernstein(
            TrainingPairs(pairs.u, f, pairs.spacing, "periodic"), 0.2, 6, WAYS[way]
        ).kernel.coefficients
    )
    for length, time in ((1e-9, 1.0), (1e6, 1e-3), (1e-30, 1.0), (1e30, 1e9)):
        scaled = TrainingPairs(pairs.u, f / time, length * pairs.spacing, "periodic")
        fit = fit_bernstein(scaled, 0.2 * length, 6, WAYS[way])
        found = np.array(fit.kernel.coefficients) * length * time  # K is 1 / (length time)
        np.testing.assert_allclose(found, first, rtol=0, atol=1e-5 * np.abs(first).max())


def test_kernels_on_a_line_do_not_hang_on_units_either():
    pairs = fractional_pairs(40, seed=4)
    first = None
    for unit in (1.0, 1e-100, 1e6):
        scaled = TrainingPairs(
            unit * pairs.u, unit * pairs.f, pairs.spacing, "volume", collar=pairs.collar
        )
        fit = fit_bernstein(scaled, 0.5, 3, MengeshaDu(), alpha=1.5, rule="moments")
        found = np.array(fit.kernel.coefficients)
        first = found if first is None else first
        np.testing.assert_allclose(found, first, rtol=1e-6)


@pytest.mark.parametrize("unit", [1e-150, 1e-160, 1e150, 1e160])
def test_sizes_whose_squares_overflow_are_refused(unit):
    pairs, f = noisy_pairs()
    with pytest.raises(ValueError, match=r"^u must have its largest value from 1e-120 to 1e\+120"):
        TrainingPairs(unit * pairs.u, unit * f, pairs.spacing, "periodic")
    with pytest.raises(ValueError, match=r"^f must have its largest value from 1e-120 to 1e\+120"):
        TrainingPairs(pairs.u, unit * f, pairs.spacing, "periodic")
    if unit in (1e-150, 1e150):
        with pytest.raises(ValueError, match=r"^power must have its largest value from 1e-240"):
            replace(stored(), power=stored().power * unit**2)
    with pytest.raises(ValueError, match=r"^spacing must be from 1e-40 to 1e\+40"):
        TrainingPairs(pairs.u, f, unit, "periodic")


def processors():
    """Kernels of OpenBLAS that this processor runs."""
    known = Path("/proc/cpuinfo")
    flags = known.read_text() if known.exists() else ""
    wanted = {"Haswell": "avx2", "Zen": "avx2", "SkylakeX": "avx512f"}
    if platform.machine() != "x86_64":
        return []
    return [core for core, flag in wanted.items() if flag in flags]


FITS_ELSEWHERE = """
import json
from tests.identification.regression.test_rounding import WAYS, stored
from nlbook.identification import fit_bernstein
print(json.dumps([
    fit_bernstein(stored(), 0.25, 20, WAYS[way]).certificate.loss
    for way in ("two stages", "joint", "continuum")
]))
"""


def test_losses_are_those_of_another_processor_and_number_of_threads():
    """OpenBLAS takes both from its environment, when it is loaded."""
    ways = ("two stages", "joint", "continuum")
    here = [fit_bernstein(stored(), 0.25, 20, WAYS[way]).certificate for way in ways]
    cases = [{"OPENBLAS_NUM_THREADS": "1"}, {"OPENBLAS_NUM_THREADS": "2"}]
    cases += [{"OPENBLAS_CORETYPE": core, "OPENBLAS_NUM_THREADS": "2"} for core in processors()]
    for changes in cases:
        done = subprocess.run(
            [sys.executable, "-c", FITS_ELSEWHERE],
            env=os.environ | {"PYTHONPATH": str(ROOT)} | changes,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=600,
        )
        assert done.returncode == 0, done.stderr
        for loss, proof in zip(json.loads(done.stdout), here, strict=True):
            # a rounding of the loss, and what the search for the optimum stops at
            assert abs(loss - proof.loss) < 4 * proof.rounding + 1e-8 * proof.loss
