"""Few grains for chapter 6: the polycrystal that they stand for, and how they are chosen."""

from __future__ import annotations

import time
import warnings
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

from nlbook.crystals import (
    CoarseStepsWarning,
    CrystalLaw,
    GrainDictionary,
    PathRule,
    ReducedPolycrystal,
    StepsTooLong,
    StrainPath,
    Texture,
    grain_stresses,
    magnesium,
    mean_errors,
    random_texture,
    reduce_polycrystal,
    sample_strain_paths,
    taylor_response,
)

N_GRAINS = 128
#: Seeds of the grains, of the candidates, of paths to learn from, to choose on, and held out.
GRAINS, CANDIDATES, TRAINING, CHOOSING, HELD_OUT = 1, 7, 11, 12, 13
RULE = PathRule()
SUBSTEPS = 2
N_RESTARTS = 400
#: Steps of the paths that grains are chosen on, without and with twins.
CHOOSING_STEPS, TWINNED_STEPS = 100, 200
#: The one tau_0 that is printed, for all families.
PRINTED = {"basal": 0.0505, "prismatic": 0.0505}
#: By which a grain is turned to see how smooth its stress is in its orientation, degrees.
TURNS = (0.3, 1.0, 3.0, 10.0)
#: Other crystals, or times, on which few grains are chosen: what makes grains differ.
SHARPNESS = {
    "one tau_0": (PRINTED, 2e-5),
    "one tau_0, half the time": (PRINTED, 1e-5),
    "one tau_0, an eighth of the time": (PRINTED, 2.5e-6),
}


def polycrystal() -> Texture:
    """The grains of the record."""
    return random_texture(N_GRAINS, GRAINS)


def solvable(paths: Sequence[StrainPath], grains: Texture, law: CrystalLaw) -> list[StrainPath]:
    """The paths whose steps are short enough for all grains; with twins some may not be."""
    found = []
    for path in paths:
        try:
            taylor_response(path, grains, law)
        except StepsTooLong:
            continue
        found.append(path)
    return found


def choose(
    law: CrystalLaw,
    rule: PathRule,
    sizes: Sequence[int],
    n_choosing: int,
    n_candidates: int,
    n_turns: int,
    n_judging: int,
) -> tuple[GrainDictionary, dict[int, ReducedPolycrystal], dict[str, Any]]:
    """Reduced polycrystals of several sizes, and the seconds that they took."""
    started = time.perf_counter()
    candidates = random_texture(n_candidates, CANDIDATES)
    paths = sample_strain_paths(n_choosing, CHOOSING, rule)
    if law.twin is not None:
        paths = solvable(paths, candidates, law)
    with warnings.catch_warnings():
        # few and many grains take the same steps, whose errors are alike
        warnings.simplefilter("ignore", CoarseStepsWarning)
        dictionary = GrainDictionary.along(paths, polycrystal(), law, candidates=candidates)
    seconds = {"dictionary": time.perf_counter() - started}
    found = {}
    judging = sample_strain_paths(
        n_judging, HELD_OUT, replace(rule, n_steps=SUBSTEPS * RULE.n_steps)
    )
    for size in sizes:
        started = time.perf_counter()
        few = reduce_polycrystal(dictionary, size, n_turns=n_turns, n_restarts=N_RESTARTS)
        seconds[str(size)] = time.perf_counter() - started
        found[size] = few.judged(polycrystal(), judging, n_rotated=2, n_rotations=3)
    return dictionary, found, seconds


def sharpness(
    n_unseen: int, n_choosing: int, n_candidates: int, n_turns: int, sizes: Sequence[int]
) -> dict[str, Any]:
    """Few grains of other crystals: errors on unseen paths, beside random grains' and the floor."""
    table = {}
    for name, (tau_0, duration) in SHARPNESS.items():
        law = magnesium(twins=None, tau_0=tau_0)
        rule = PathRule(duration=duration, n_steps=CHOOSING_STEPS)
        _, found, _ = choose(law, rule, sizes, n_choosing, n_candidates, n_turns, 2)
        unseen = sample_strain_paths(n_unseen, HELD_OUT, replace(rule, n_steps=RULE.n_steps))
        theirs = taylor_response(unseen, polycrystal(), law)

        def error(
            grains: Texture, law: CrystalLaw = law, unseen: Any = unseen, theirs: Any = theirs
        ) -> float:
            return mean_errors(taylor_response(unseen, grains, law), theirs).deviatoric

        table[name] = {
            "tau_0": [family.tau_0 for family in law.slip],
            "duration": duration,
            "reduced": {str(n): error(few.texture) for n, few in found.items()},
            "random": {
                str(n): [error(random_texture(n, 100 + draw)) for draw in range(3)]
                for n in (*sizes, N_GRAINS)
            },
        }
    return table


def turn_changes(law: CrystalLaw, n_grains: int = 32, n_paths: int = 3) -> dict[str, Any]:
    """How far a grain's stress moves as the grain is turned a little, over the polycrystal's.

    Root of the mean square over grains and paths, and median, for each angle in degrees; and the
    root of the mean square of how far grains are from the polycrystal. Few grains can be chosen
    where a turn of a degree moves little; where twins take over a lattice, or another twin does,
    it may move all.
    """
    generator = np.random.default_rng(CANDIDATES)
    grains = random_texture(n_grains, CANDIDATES).rotations
    axes = generator.normal(size=(n_grains, 3))
    axes /= np.linalg.norm(axes, axis=1, keepdims=True)
    turned = [Rotation.from_rotvec(np.radians(angle) * axes).as_matrix() @ grains
              for angle in TURNS]  # fmt: skip
    all_of_them = Texture(np.concatenate([grains, *turned]))
    moved, spread = [], []
    for path in sample_strain_paths(n_paths, CHOOSING, replace(RULE, n_steps=4 * RULE.n_steps)):
        mean = taylor_response(path, polycrystal(), law).deviator * path.volume_ratio[:, None, None]
        size = np.linalg.norm(mean)
        each = grain_stresses(path, all_of_them, law).reshape(len(TURNS) + 1, n_grains, -1)
        moved.append(np.linalg.norm(each[1:] - each[0], axis=2) / size)
        spread.append(np.linalg.norm(each[0] - mean.ravel(), axis=1) / size)
    return {
        "spread": float(np.sqrt(np.mean(np.square(spread)))),
        "root_mean_square": {
            f"{angle:g}": float(np.sqrt(np.mean(np.square([one[k] for one in moved]))))
            for k, angle in enumerate(TURNS)
        },
        "median": {
            f"{angle:g}": float(np.median([one[k] for one in moved]))
            for k, angle in enumerate(TURNS)
        },
    }
