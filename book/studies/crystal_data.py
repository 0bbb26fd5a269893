"""Data of chapter 6: what polycrystals answer to random strain paths, and reduced polycrystals.

    python book/studies/crystal_data.py book/recorded/crystals --store STORE

moves 128 grains of magnesium along random paths of 10 % strain, chooses few grains that stand for
them, and writes `training.npz` and `held_out.npz`, a sample of the paths in 32 bits; the reduced
polycrystals `grains_N.json` and, with twins, `twinned_N.json`; `errors.json`, and
`provenance.json`. The store keeps each path: the same command goes on from there, and with more
`--paths` adds to it. `--part`, which may be given several times, makes one part of the record anew
and leaves the others as they are; the seconds told are those of the last call for each. A path of
128 grains takes 0.2 s of a core: 3200 paths to learn from and 1000 held out take a quarter of an
hour of one; the choice of grains takes about as long.

Grains are chosen on paths of 100 steps: these err by a hundredth, but alike for the few and the
many. What a choice is worth is told by the paths held out, in 400 steps.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from crystal_few import (
    CANDIDATES,
    CHOOSING,
    CHOOSING_STEPS,
    GRAINS,
    HELD_OUT,
    N_GRAINS,
    RULE,
    SUBSTEPS,
    TRAINING,
    TWINNED_STEPS,
    choose,
    polycrystal,
    sharpness,
    solvable,
    turn_changes,
)
from crystal_rivals import rivals
from nlbook.crystals import (
    CrystalLaw,
    DataSet,
    GrainDictionary,
    PathRule,
    ReducedPolycrystal,
    StrainPath,
    TaylorPolycrystal,
    Texture,
    cavity_path,
    formula_response,
    load_unload_path,
    magnesium,
    make_data_set,
    mean_errors,
    random_texture,
    rejected_share,
    sample_strain_paths,
    shear_path,
    stress_errors,
    taylor_response,
    uniaxial_path,
)
from nlbook.host import describe_run
from plane_data import first

#: What `record` can make anew.
PARTS = ("paths", "steps", "grains", "twinned", "turns", "sharpness")
SIZES = (4, 8, 16, 24, 32)
TWINNED_SIZES = (8, 16)
#: With twins a step takes some times as long, and a share of the candidates and paths has to do.
TWINNED_SHARE = 3
#: Of the candidates, on which the rival ways of choosing are compared.
N_RIVALS = 256
SPECIAL = {
    "uniaxial": uniaxial_path,
    "load and unload": load_unload_path,
    "shear": shear_path,
    "cavity": cavity_path,
}


def data_set(material: Any, n_paths: int, seed: int, store: str | Path | None) -> DataSet:
    """What a material answers to paths of the record's rule."""
    return make_data_set(material, n_paths, seed, RULE, substeps=SUBSTEPS, store=store)


def errors_of(material: Any, reference: DataSet, seed: int, n_paths: int | None = None) -> Any:
    """Errors of a material on the first paths of a data set: their mean and quantiles."""
    n_paths = len(reference) if n_paths is None else min(n_paths, len(reference))
    ours = make_data_set(material, n_paths, seed, RULE, substeps=SUBSTEPS, progress=False)
    return summary(ours.responses, reference.responses[:n_paths])


def summary(ours: list[Any], theirs: list[Any]) -> dict[str, Any]:
    """Mean errors, and quantiles of the deviatoric one."""
    deviatoric = [stress_errors(*both).deviatoric for both in zip(ours, theirs, strict=True)]
    middle, high, largest = np.quantile(deviatoric, [0.5, 0.9, 1.0])
    return asdict(mean_errors(ours, theirs)) | {
        "median": middle,
        "percent_90": high,
        "largest": largest,
        "n_paths": len(ours),
    }


def special_errors(few: ReducedPolycrystal) -> dict[str, float]:
    """Deviatoric errors along the paths that a reader knows, of 10 % strain."""
    found = {}
    for name, make in SPECIAL.items():
        path = make(0.1, n_steps=400)
        answer = taylor_response(path, polycrystal(), few.law)
        found[name] = stress_errors(few.response(path), answer).deviatoric
    return found


def step_errors(law: CrystalLaw, n_paths: int) -> dict[str, Any]:
    """Mean deviatoric errors at the steps of the record, and around them, against 3200 steps."""

    def thinned(path: StrainPath, every: int) -> StrainPath:
        return StrainPath(path.times[::every], path.stretch[::every])

    fine = sample_strain_paths(n_paths, HELD_OUT, PathRule(n_steps=3200))
    fine = solvable(fine, polycrystal(), law)
    exact = make_reference(fine, law)
    found: dict[str, Any] = {}
    for n_steps in (200, 400, 800):
        errors = []
        for path, other in zip(fine, exact, strict=True):
            try:
                one = taylor_response(thinned(path, 3200 // n_steps), polycrystal(), law)
            except ValueError:  # steps too long, with twins
                continue
            off = one.deviator[:: n_steps // 200] - other
            errors.append(np.linalg.norm(off) / np.linalg.norm(other))
        found[str(n_steps)] = {"error": float(np.mean(errors or [np.nan])), "n": len(errors)}
    return found


def make_reference(fine: Sequence[StrainPath], law: CrystalLaw) -> list[np.ndarray]:
    """Deviators of fine paths at 201 times."""
    return [answer.deviator[::16] for answer in taylor_response(list(fine), polycrystal(), law)]


def random_errors(law: CrystalLaw, reference: DataSet, sizes: Sequence[int]) -> dict[str, Any]:
    """Random grains of equal weight: mean deviatoric errors, several draws each."""
    return {
        str(size): [
            errors_of(
                TaylorPolycrystal(random_texture(size, 100 + draw), law), reference, HELD_OUT, 20
            )["deviatoric"]
            for draw in range(3)
        ]
        for size in sizes
    }


def record(
    folder: str | Path,
    *,
    store: str | Path | None = None,
    parts: Sequence[str] = PARTS,
    n_paths: int = 3200,
    n_held_out: int = 1000,
    n_sample: int = 100,
    n_choosing: int = 100,
    n_candidates: int = 2048,
    n_turns: int = 6,
    sizes: Sequence[int] = SIZES,
    twinned_sizes: Sequence[int] = TWINNED_SIZES,
    n_twinned: int = 30,
    n_draws: int = 200,
    n_stepped: int = 3,
    n_judging: int = 6,
    n_unseen: int = 20,
) -> None:
    """Make the record, or parts of it: most parameters are those of the command line.

    Of `n_draws` paths of each strain and dimension the rejected are counted, and along `n_stepped`
    the steps are shortened; a reduced polycrystal is judged on `n_judging`, with twins on
    `n_twinned`, and the rival ways of choosing compared on `n_unseen`.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    slip, twins = magnesium(twins=None), magnesium(twins="reversible")
    material = TaylorPolycrystal(polycrystal(), slip)
    errors, provenance = read(folder / "errors.json"), read(folder / "provenance.json")
    held_out = None
    for part in (part for part in PARTS if part in parts):
        started = time.perf_counter()
        seconds: dict[str, Any] = {}
        if part in ("paths", "grains"):
            held_out = held_out or data_set(material, n_held_out, HELD_OUT, store)
        if part == "paths" and held_out:
            training = data_set(material, n_paths, TRAINING, store)
            first(training, n_sample).save(folder / "training.npz")
            first(held_out, n_sample // 2).save(folder / "held_out.npz")
            errors |= path_facts(training, held_out, n_draws)
        elif part == "steps":
            errors["steps"] = {
                name: step_errors(law, n_stepped)
                for name, law in (("slip", slip), ("twins", twins))
                if n_stepped
            }
        elif part == "turns":
            errors["turns"] = {"slip": turn_changes(slip), "twins": turn_changes(twins)}
        elif part == "sharpness":
            errors["sharpness"] = sharpness(
                n_unseen, n_choosing // 2, n_candidates // 2, n_turns // 2, (8, 16, 24)
            )
        elif part == "grains" or twinned_sizes:
            law, wanted, share, turns, n_steps = {
                "grains": (slip, sizes, 1, n_turns, CHOOSING_STEPS),
                "twinned": (twins, twinned_sizes, TWINNED_SHARE, 0, TWINNED_STEPS),
            }[part]
            rule = replace(RULE, n_steps=n_steps)
            counts = (max(n_choosing // share, 2), n_candidates // share, turns, n_judging)
            dictionary, found, seconds = choose(law, rule, wanted, *counts)
            twinned = TaylorPolycrystal(polycrystal(), law)
            reference = (
                held_out
                if part == "grains" and held_out
                else data_set(twinned, n_twinned, HELD_OUT, store)
            )
            errors[part] = grain_errors(law, dictionary, found, reference)
            for n, few in found.items():
                few.save(folder / f"{part}_{n}.json")
            if part == "grains":
                few_candidates = Texture(dictionary.candidates.rotations[:N_RIVALS])
                errors["rivals"] = rivals(
                    part_of(dictionary, few_candidates),
                    sample_strain_paths(n_unseen, HELD_OUT, rule),
                    wanted,
                )
        seconds["all"] = time.perf_counter() - started
        write(folder / "errors.json", errors)
        run = describe_run(["numpy", "numba", "scipy"])
        made = provenance.get("parts", {}) | {
            part: {"seconds": seconds} | {name: run[name] for name in ("commit", "dirty", "date")}
        }
        provenance = {
            "command": (
                f"python book/studies/crystal_data.py FOLDER --store STORE --paths {n_paths} "
                f"--held-out {n_held_out} --sample {n_sample} --choosing {n_choosing} "
                f"--candidates {n_candidates} --turns {n_turns}"
            ),
            "n_grains": N_GRAINS,
            # a part that is made later adds no paths
            "n_paths": n_paths if part == "paths" else provenance.get("n_paths", 0),
            "n_held_out": n_held_out,
            "seeds": {
                "grains": GRAINS, "candidates": CANDIDATES, "training": TRAINING,
                "choosing": CHOOSING, "held_out": HELD_OUT,
            },
            "rule": asdict(RULE),
            "substeps": SUBSTEPS,
            "choosing_steps": {"grains": CHOOSING_STEPS, "twinned": TWINNED_STEPS},
            "parts": made,
        } | run  # fmt: skip
        write(folder / "provenance.json", provenance)


def part_of(dictionary: GrainDictionary, candidates: Texture) -> GrainDictionary:
    """A dictionary of its first candidates alone."""
    n = candidates.n_grains
    return replace(dictionary, candidates=candidates, gram=dictionary.gram[:n, :n])


def path_facts(training: DataSet, held_out: DataSet, n_draws: int) -> dict[str, Any]:
    """What is rejected, how strong the stresses are, and what the formula alone misses."""
    slip = magnesium(twins=None)
    norms = [float(np.abs(one.deviator).max()) for one in training.responses]
    return {
        "rejected": {
            f"{strain:g}, {dimension}": rejected_share(
                n_draws, HELD_OUT, PathRule(largest_strain=strain, dimension=dimension)
            )
            for strain in (0.1, 0.5)
            for dimension in (2, 3)
        },
        "formula": summary(
            [formula_response(path, slip) for path in held_out.paths], held_out.responses
        ),
        "pressure": float(np.abs([one.pressure for one in held_out.responses]).max()),
        "largest_deviators": {
            "median": float(np.median(norms)),
            "percent_90": float(np.quantile(norms, 0.9)),
            "largest": max(norms),
            "n_paths": len(training),
        },
    }


def grain_errors(
    law: CrystalLaw,
    dictionary: GrainDictionary,
    found: dict[int, ReducedPolycrystal],
    reference: DataSet,
) -> dict[str, Any]:
    """Errors of reduced polycrystals on paths held out and known ones, beside random grains'."""
    return {
        "n_choosing": len(dictionary.paths),
        "substeps": np.bincount(reference.substeps).nonzero()[0].tolist(),
        "training": {str(n): few.training_error for n, few in found.items()},
        "reduced": {str(n): errors_of(few, reference, HELD_OUT) for n, few in found.items()},
        "special": {str(n): special_errors(few) for n, few in found.items()},
        "random": random_errors(law, reference, list(found)),
        "floor": random_errors(law, reference, [N_GRAINS])[str(N_GRAINS)],
    }


def read(file: Path) -> dict[str, Any]:
    """What is recorded so far."""
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}


def write(file: Path, words: dict[str, Any]) -> None:
    """Write numbers of six digits as JSON."""

    def short(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: short(one) for name, one in value.items()}
        if isinstance(value, list | tuple):
            return [short(one) for one in value]
        return float(f"{value:.6g}") if isinstance(value, float | np.floating) else value

    file.write_text(json.dumps(short(words), indent=1) + "\n", encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the record from the command line."""
    parser = argparse.ArgumentParser(prog="python book/studies/crystal_data.py")
    parser.add_argument("folder", help="where the record goes")
    parser.add_argument("--store", help="folder of finished paths, to resume")
    parser.add_argument("--paths", type=int, default=3200, help="to learn from")
    parser.add_argument("--held-out", type=int, default=1000)
    parser.add_argument("--sample", type=int, default=100, help="of these paths that are kept")
    parser.add_argument("--choosing", type=int, default=100, help="paths to choose grains on")
    parser.add_argument("--candidates", type=int, default=2048)
    parser.add_argument("--turns", type=int, default=6, help="of the chosen grains")
    parser.add_argument("--part", action="append", choices=PARTS, help="all of them by default")
    given = parser.parse_args(arguments)
    record(
        given.folder,
        store=given.store,
        parts=given.part or PARTS,
        n_paths=given.paths,
        n_held_out=given.held_out,
        n_sample=given.sample,
        n_choosing=given.choosing,
        n_candidates=given.candidates,
        n_turns=given.turns,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
