"""Do the two integrators give the same creep? What was found, read from its record.

``book/studies/creep_integrators.py`` simulates each case of the paper by three methods from the
same starts: ``adaptive``; forward Euler that settles before the load, ``settled``; and forward
Euler as the paper has it, ``unsettled``, whose long steps of relaxation leave close pairs in motion
when the load comes. Relaxation is chaotic, so that these are compared as ensembles, within margins
(see `nlbook.dislocations.statistics.equivalence`) and by permutation (see `compare_counts`).
Crystals that relax along other paths creep by other births, and their scatter hides small
differences. So there is a fourth method, ``same crystals``: creep by forward Euler of the very
crystals that ``adaptive`` has relaxed. And paths are compared one by one (see
``book/studies/integrator_paths.py``).
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nlbook.dislocations.protocol import Integrator
from nlbook.dislocations.statistics.equivalence import (
    Equivalence,
    paired_equivalence,
    pooled_exponent,
    pooled_quantile,
)
from nlbook.dislocations.statistics.resampling import Comparison, compare_counts

__all__ = ["MARGINS", "METHODS", "IntegratorStudy", "read_integrator_study"]

#: Who relaxes, whether the crystal settles before the load, and who moves it under the load.
METHODS: dict[str, tuple[Integrator, bool, Integrator]] = {
    "adaptive": ("adaptive", True, "adaptive"),
    "settled": ("euler", True, "euler"),
    "unsettled": ("euler", False, "euler"),
    "same crystals": ("adaptive", True, "euler"),
}

#: What two methods may differ by: (margin, whether it is a part of the value), by name. A shift off
#: by 5 % is a coefficient of diffusion off by 10 %, less than half of what fits of the paper's data
#: and of ours differ by; exponents of the paper's cases differ by 0.6. Few dislocations make the
#: last percent of the shifts, and a few births more or less the strain.
MARGINS: dict[str, tuple[float, bool]] = {
    "number at the load": (0.01, True),
    "number at the end": (0.01, True),
    "change of the number": (0.005, False),
    "births": (0.05, True),
    "strain": (0.15, True),
    "mean speed": (0.1, True),
    "shift, 50 %": (0.05, True),
    "shift, 90 %": (0.05, True),
    "shift, 99 %": (0.1, True),
    "exponent of speeds": (0.2, False),
}

_QUANTILES = {"shift, 50 %": 0.5, "shift, 90 %": 0.9, "shift, 99 %": 0.99}

# Velocity tails are fitted here, b/t0: above the load, and below what annihilation removes.
_WINDOW = (0.0316, 0.398)


@dataclass(frozen=True)
class IntegratorStudy:
    """The record; axes in brackets. Cases are 1, 2, 3, methods and paths as in the constants."""

    #: how many realizations there are of each method; beyond, all is zero (method,)
    realizations: NDArray[np.int64]
    #: one number of each realization, by name (case, method, realization)
    numbers: dict[str, NDArray[np.float64]]
    #: edges of bins of shifts, of equal ratio but the first, b (n_bins + 1,)
    shift_edges: NDArray[np.float64]
    #: counts of the size of shifts at the end, newborn left out (case, method, realization, bin)
    shift_counts: NDArray[np.int64]
    #: edges of bins of speeds, b/t0 (n_bins + 1,)
    speed_edges: NDArray[np.float64]
    #: counts of speeds during creep (case, method, realization, bin)
    speed_counts: NDArray[np.int64]
    #: how far paths are from the reference, by name: see `path_task` (case, path, realization)
    paths: dict[str, NDArray[np.float64]]
    #: relaxed crystal and its end by the reference, one for each case, arrays by name
    crystals: list[dict[str, NDArray[Any]]] = field(default_factory=list)
    #: what made the record
    provenance: dict[str, Any] = field(default_factory=dict)

    def equivalences(
        self, case: int, first: str = "adaptive", second: str = "settled", *, seed: int = 0
    ) -> dict[str, Equivalence]:
        """Compare two methods within `MARGINS`.

        Parameters
        ----------
        case : int
            1, 2 or 3.
        first, second : str
            Of `METHODS`.
        seed : int
            Of the bootstrap.

        Returns
        -------
        dict of str to Equivalence
            By the names of `MARGINS`; births in Cases 2 and 3 only.
        """
        one, two = self._both(case, first, second)
        results = {}
        for name, (margin, relative) in MARGINS.items():
            data: NDArray[Any]
            statistic = None
            if name in _QUANTILES:
                data = self.shift_counts
                statistic = pooled_quantile(self.shift_edges, _QUANTILES[name])
            elif name == "exponent of speeds":
                data = self.speed_counts
                statistic = pooled_exponent(self.speed_edges, *_WINDOW)
            else:
                data = self.numbers[name]
            if name == "births" and not np.any(data[one]):
                continue
            results[name] = paired_equivalence(
                data[one], data[two], margin, relative=relative, statistic=statistic, seed=seed
            )
        return results

    def compare(
        self, case: int, what: str, first: str = "adaptive", second: str = "settled"
    ) -> Comparison:
        """Test whether two methods give one distribution of ``"shifts"`` or ``"speeds"``."""
        if what not in ("shifts", "speeds"):
            raise ValueError(f"what must be 'shifts' or 'speeds', got {what!r}")
        counts = self.shift_counts if what == "shifts" else self.speed_counts
        one, two = self._both(case, first, second)
        return compare_counts(counts[one], counts[two], paired=True, seed=0)

    def shift_tail(self, case: int, method: str) -> NDArray[np.float64]:
        """Part of the dislocations that glided farther than each of `shift_edges`."""
        counts = self.shift_counts[self._both(case, method, method)[0]].sum(axis=0)
        return np.concatenate([[1.0], 1.0 - np.cumsum(counts) / counts.sum()])

    def _both(
        self, case: int, first: str, second: str
    ) -> tuple[tuple[int, int, slice], tuple[int, int, slice]]:
        """Places of the realizations that both methods have."""
        if case not in (1, 2, 3):
            raise ValueError(f"case must be 1, 2 or 3, got {case!r}")
        for name in (first, second):
            if name not in METHODS:
                raise ValueError(f"method must be one of {tuple(METHODS)}, got {name!r}")
        one, two = (list(METHODS).index(name) for name in (first, second))
        shared = slice(int(min(self.realizations[[one, two]])))
        return (case - 1, one, shared), (case - 1, two, shared)


def read_integrator_study(folder: str | os.PathLike[str]) -> IntegratorStudy:
    """Read what `record_integrator_study` wrote.

    Parameters
    ----------
    folder : path
        Where ``integrators.npz`` and ``provenance.json`` are.

    Returns
    -------
    IntegratorStudy

    Raises
    ------
    FileNotFoundError
        If there is none.
    """
    with np.load(Path(folder, "integrators.npz"), allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}

    def under(prefix: str) -> dict[str, NDArray[Any]]:
        return {n.removeprefix(prefix): a for n, a in arrays.items() if n.startswith(prefix)}

    return IntegratorStudy(
        realizations=arrays["realizations"],
        numbers=under("number: "),
        shift_edges=arrays["shift_edges"],
        shift_counts=arrays["shift_counts"].astype(np.int64),
        speed_edges=arrays["speed_edges"],
        speed_counts=arrays["speed_counts"].astype(np.int64),
        paths=under("path: "),
        crystals=[under(f"crystal {case}: ") for case in (1, 2, 3)],
        provenance=json.loads(Path(folder, "provenance.json").read_text("utf-8")),
    )
