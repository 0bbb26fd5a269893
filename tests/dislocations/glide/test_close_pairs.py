"""Pairs nearer than the tolerance: they come to rest, and their speeds decay."""

import numpy as np
import pytest

from nlbook.dislocations import evolve_adaptive, random_dislocations

OPEN = 1e5  # a box so large that images do not count: their stress gradient is 1e-10
ZERO = {"annihilation_distance": 0.0}


@pytest.mark.parametrize("seed", [1, 4])
def test_pairs_nearer_than_the_tolerance_come_to_rest(seed):
    # Without annihilation, at 1.5 times the paper's density: the nearest end 0.02 b
    # and 6e-4 b apart. Without regard for them mean speeds at the end are 3.3 and 325 times too
    # high at 0.01 b, and more steps are taken than at 0.001 b.
    length, kwargs = 100.0, {"duration": 100.0, **ZERO}
    start = random_dislocations(256, length, seed)
    exact = evolve_adaptive(*start, length, tolerance=1e-5, **kwargs)
    runs = [evolve_adaptive(*start, length, tolerance=t, **kwargs) for t in (0.1, 0.01, 0.001)]
    for run, allowed in zip(runs, (0.2, 0.05, 0.02), strict=True):
        assert run.mean_speed[-1] == pytest.approx(exact.mean_speed[-1], rel=allowed)
    assert runs[0].n_forces <= runs[1].n_forces <= runs[2].n_forces


def test_the_speed_of_a_near_pair_decays():
    # like signs 0.01 b apart in y rest one above the other, within 1e-4 t0; the pair then glides
    # as one in the field of a third, 40 b away: s = 1/40 on both, and back on each half as fast
    run = evolve_adaptive(
        [0.0, 0.005, 40.0], [0.0, 0.01, 0.0], [1, 1, 1], OPEN, duration=20.0,
        record_times=np.linspace(0.0, 20.0, 41),
    )  # fmt: skip
    gap = np.sqrt(40.0**2 + 6.0 * run.time)  # of the pair and the third: gap' = 3/gap
    late = run.time >= 0.5
    assert run.mean_speed[late] == pytest.approx(4.0 / (3.0 * gap[late]), rel=1e-3)
