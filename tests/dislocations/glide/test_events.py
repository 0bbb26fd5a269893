"""When a pair meets and when a source is due, against plain scans of a step."""

import numpy as np
import pytest

from nlbook.dislocations.glide.dense import crossing_loop
from nlbook.dislocations.glide.events import blocked_loop, clocks_loop


def test_a_crossing_is_found_where_a_plain_scan_finds_it():
    generator = np.random.default_rng(1)
    theta = np.linspace(0.0, 1.0, 20_001)
    times = []
    for _ in range(200):
        d, v0, v1 = generator.uniform(-8.0, 8.0, (3, 2)) * [[1.0], [2.0], [2.0]]
        if abs(d[0]) < 2.0:
            continue
        x, end = np.array([[0.0, -d[0]], [0.0, -d[1]]])
        velocity, end_velocity = np.array([[v0[0], v0[1]], [v1[0], v1[1]]])
        found, _ = crossing_loop(
            np.array([[0, 1]]), np.array([1.0]), x, velocity, end, end_velocity,
            np.array([1.0, -1.0]), 1e3, np.sqrt(5.0), 1.0,
        )  # fmt: skip
        a, b = v0[0] - v0[1], v1[0] - v1[1]
        p, q = 3.0 * (d[1] - d[0]) - 2.0 * a - b, a + b - 2.0 * (d[1] - d[0])
        near = np.abs(d[0] + theta * (a + theta * (p + theta * q))) < 2.0
        expected = theta[np.argmax(near)] if np.any(near) else 2.0
        assert found == pytest.approx(expected, abs=1e-4)
        times.append(found)
    assert min(times) < 0.1 and max(times) == 2.0


def test_clocks_run_as_in_small_steps():
    generator = np.random.default_rng(2)
    due = []
    for _ in range(300):
        stress = generator.uniform(-2.0, 2.0, 3)
        clock, h = generator.uniform(0.0, 1.0), 2.0
        a, c = stress[0], 2.0 * (stress[0] + stress[2]) - 4.0 * stress[1]
        b = stress[2] - a - c
        expected, time = 2.0, clock
        for theta in (np.arange(20_000) + 0.5) / 20_000:
            time = time + h / 20_000 if abs(a + theta * (b + c * theta)) > 1.0 else 0.0
            if time > 1.0:
                expected = theta
                break
        found = clocks_loop(
            stress[:, None], np.ones(1), np.ones(1), np.array([clock]), np.zeros(1), h,
            0.0, 1.0, False,
        )  # fmt: skip
        assert found == pytest.approx(expected, abs=2e-4)
        due.append(found)
    assert 50 < np.count_nonzero(np.array(due) < 1.0) < 250


def test_a_pair_is_blocked_where_a_plain_scan_says_so():
    generator = np.random.default_rng(3)
    length, reach, clearance = 20.0, 2.0, 0.5
    found = []
    for _ in range(200):
        x, y = generator.uniform(0.0, length, (2, 30))
        y, sign = np.sort(y), generator.choice([-1.0, 0.0, 1.0], 30)
        places, source_y = generator.uniform(-5.0, 25.0, (2, 4)), generator.uniform(0.0, length, 4)
        asked = generator.random(4) < 0.7
        blocked = np.empty(4, dtype=np.bool_)
        blocked_loop(x, y, sign, length, reach, clearance, asked, places, source_y, blocked)
        for k in range(4):
            expected = False
            for place, own in zip(places[:, k], (1.0, -1.0), strict=True):
                d = np.stack([x - place, y - source_y[k]])
                distance = np.hypot(*(d - length * np.round(d / length)))
                within = np.where(sign == own, clearance, reach)
                expected |= bool(np.any((sign != 0.0) & (distance < within)))
            assert blocked[k] == (expected and asked[k])
            found.append(blocked[k])
    assert 0.2 < np.mean(found) < 0.8
