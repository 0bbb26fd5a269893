"""Data of chapter 6: what polycrystals answer to random strain paths, and reduced polycrystals.

    python book/studies/crystal_data.py book/recorded/crystals --store STORE

moves 128 grains of magnesium along random paths of 10 % strain, chooses few grains that stand for
them, and writes `training.npz` and `held_out.npz`, a sample of the paths in 32 bits; the reduced
polycrystals `grains_N.json` and, with twins, `twinned_N.json`; `errors.json`, and
`provenance.json`. The store keeps each path: the same command goes on from there, and with more
`--paths` adds to it; the seconds told are those of the last call alone. A path of 128 grains takes
0.2 s of a core: 3200 paths to learn from and 1000 held out take a quarter of an hour of one.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

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
    reduce_polycrystal,
    rejected_share,
    sample_strain_paths,
    shear_path,
    stress_errors,
    taylor_response,
    uniaxial_path,
)
from nlbook.host import describe_run

N_GRAINS = 128
#: Seeds of the grains, of the candidates, of paths to learn from, to choose on, and held out.
GRAINS, CANDIDATES, TRAINING, CHOOSING, HELD_OUT = 1, 7, 11, 12, 13
RULE = PathRule()
SUBSTEPS = 2
SIZES = (4, 8, 16, 24, 32)
TWINNED_SIZES = (8, 16)
#: With twins steps are four times as short, and a share of the candidates and paths has to do.
TWINNED_SHARE = 4
SPECIAL = {
    "uniaxial": uniaxial_path,
    "load and unload": load_unload_path,
    "shear": shear_path,
    "cavity": cavity_path,
}


def polycrystal() -> Texture:
    """The grains of the record."""
    return random_texture(N_GRAINS, GRAINS)


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


def solvable(paths: Sequence[StrainPath], grains: Texture, law: CrystalLaw) -> list[StrainPath]:
    """The paths whose steps are short enough for all grains; with twins some are not."""
    found = []
    for path in paths:
        try:
            taylor_response(path, grains, law)
        except ValueError:
            continue
        found.append(path)
    return found


def choose(
    law: CrystalLaw,
    sizes: Sequence[int],
    n_choosing: int,
    n_candidates: int,
    n_turns: int,
    n_judging: int,
) -> tuple[GrainDictionary, dict[int, ReducedPolycrystal], dict[str, Any]]:
    """Reduced polycrystals of several sizes, and the seconds that they took."""
    started = time.perf_counter()
    steps = RULE if law.twin is None else PathRule(n_steps=800)
    candidates = random_texture(n_candidates, CANDIDATES)
    paths = sample_strain_paths(n_choosing, CHOOSING, steps)
    if law.twin is not None:
        paths = solvable(paths, candidates, law)
    dictionary = GrainDictionary.along(paths, polycrystal(), law, candidates=candidates)
    seconds = {"dictionary": time.perf_counter() - started}
    found = {}
    judging = sample_strain_paths(n_judging, HELD_OUT, PathRule(n_steps=SUBSTEPS * RULE.n_steps))
    for size in sizes:
        started = time.perf_counter()
        few = reduce_polycrystal(dictionary, size, n_turns=n_turns)
        seconds[str(size)] = time.perf_counter() - started
        found[size] = (
            few if law.twin else few.judged(polycrystal(), judging, n_rotated=2, n_rotations=3)
        )
    return dictionary, found, seconds


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
    n_paths: int = 3200,
    n_held_out: int = 1000,
    n_sample: int = 200,
    n_choosing: int = 60,
    n_candidates: int = 1024,
    n_turns: int = 6,
    sizes: Sequence[int] = SIZES,
    twinned_sizes: Sequence[int] = TWINNED_SIZES,
    n_draws: int = 200,
    n_stepped: int = 3,
    n_judging: int = 6,
    n_unseen: int = 20,
) -> None:
    """Make the record: most parameters are those of the command line.

    Of `n_draws` paths of each strain and dimension the rejected are counted, and along `n_stepped`
    the steps are shortened; a reduced polycrystal is judged on `n_judging`, and the rival ways of
    choosing compared on `n_unseen`.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    started = time.perf_counter()
    slip, twins = magnesium(twins=None), magnesium(twins="reversible")
    material = TaylorPolycrystal(polycrystal(), slip)
    held_out = data_set(material, n_held_out, HELD_OUT, store)
    training = data_set(material, n_paths, TRAINING, store)
    first(training, n_sample).save(folder / "training.npz")
    first(held_out, n_sample // 2).save(folder / "held_out.npz")
    seconds: dict[str, Any] = {"paths": time.perf_counter() - started}
    errors: dict[str, Any] = {
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
        "steps": {
            name: step_errors(law, n_stepped)
            for name, law in (("slip", slip), ("twins", twins))
            if n_stepped
        },
        "pressure": float(np.abs([one.pressure for one in held_out.responses]).max()),
    }
    for name, law, wanted, reference in (
        ("grains", slip, sizes, held_out),
        ("twinned", twins, twinned_sizes, None),
    ):
        if not wanted:
            continue
        share, turns = (1, n_turns) if law.twin is None else (TWINNED_SHARE, 0)
        dictionary, found, seconds[name] = choose(
            law, wanted, n_choosing // share, n_candidates // share, turns, n_judging
        )
        if reference is None:
            twinned = TaylorPolycrystal(polycrystal(), law)
            reference = data_set(twinned, min(30, n_held_out), HELD_OUT, store)
        errors[name] = {
            "n_choosing": len(dictionary.paths),
            "substeps": np.bincount(reference.substeps).nonzero()[0].tolist(),
            "reduced": {str(n): errors_of(few, reference, HELD_OUT) for n, few in found.items()},
            "special": {str(n): special_errors(few) for n, few in found.items()},
            "random": random_errors(law, reference, wanted),
            "floor": random_errors(law, reference, [N_GRAINS])[str(N_GRAINS)],
        }
        for n, few in found.items():
            few.save(folder / f"{name}_{n}.json")
        write(folder / "errors.json", errors)
        if name == "grains":
            errors["rivals"] = rivals(
                dictionary, sample_strain_paths(n_unseen, HELD_OUT, RULE), wanted
            )
    write(folder / "errors.json", errors)
    command = (
        f"python book/studies/crystal_data.py FOLDER --store STORE --paths {n_paths} "
        f"--held-out {n_held_out} --sample {n_sample} --choosing {n_choosing} "
        f"--candidates {n_candidates} --turns {n_turns}"
    )
    seconds["all"] = time.perf_counter() - started
    provenance = {
        "command": command,
        "n_grains": N_GRAINS,
        "n_paths": n_paths,
        "n_held_out": n_held_out,
        "seeds": {
            "grains": GRAINS, "candidates": CANDIDATES, "training": TRAINING,
            "choosing": CHOOSING, "held_out": HELD_OUT,
        },
        "rule": asdict(RULE),
        "substeps": SUBSTEPS,
        "seconds": seconds,
    }  # fmt: skip
    write(folder / "provenance.json", provenance | describe_run(["numpy", "numba", "scipy"]))


def first(data: DataSet, n: int) -> DataSet:
    """The first paths of a data set."""
    return DataSet(
        data.times, data.stretch[:n], data.stress[:n], data.n_rejected[:n], data.substeps[:n]
    )


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
    parser.add_argument("--sample", type=int, default=200, help="of these paths that are kept")
    parser.add_argument("--choosing", type=int, default=60, help="paths to choose grains on")
    parser.add_argument("--candidates", type=int, default=1024)
    parser.add_argument("--turns", type=int, default=6, help="of the chosen grains")
    given = parser.parse_args(arguments)
    record(
        given.folder,
        store=given.store,
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
