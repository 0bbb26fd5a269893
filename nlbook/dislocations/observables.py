"""What is read off one realization of creep: births, activity, and one number of each kind."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nlbook.checks import check_number
from nlbook.dislocations.creep import CreepRun
from nlbook.dislocations.protocol import CreepProtocol

__all__ = ["activity", "birth_slips", "run_numbers"]


def birth_slips(run: CreepRun) -> NDArray[np.float64]:
    """Slip that each born pair brings by appearing: from its negative to its positive member.

    Parameters
    ----------
    run : CreepRun

    Returns
    -------
    ndarray, shape (n_pairs,)
        Plus or minus the source's length, in b; positive where the pair was born along a positive
        load. Divided by the area of the box these are the strains of Orowan's relation.
    """
    pairs = run.birth_x.reshape(-1, 2)  # positive first
    return np.asarray(pairs[:, 0] - pairs[:, 1])


def activity(
    run: CreepRun, duration: float = np.inf
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Sum of all speeds during the last part of the creep.

    Parameters
    ----------
    run : CreepRun
    duration : float
        How much of the end, t0; all of the creep by default.

    Returns
    -------
    time, level : ndarray, shape (n,)
        Times of the creep's series in t0, and the sum of abs(v) over the living, b/t0.
    """
    if duration != np.inf:
        duration = check_number("duration", duration, above=0.0)
    last = run.creep_time >= run.creep_time[-1] - duration - 1e-9
    return run.creep_time[last], (run.creep_number * run.creep_speed)[last]


def run_numbers(protocol: CreepProtocol, run: CreepRun) -> dict[str, float]:
    """One number of each kind, by name.

    Parameters
    ----------
    protocol : CreepProtocol
        Of the run.
    run : CreepRun

    Returns
    -------
    dict
        ``relaxed_number``, ``data_start_number`` and ``final_number`` of dislocations;
        ``number_change`` over the data, relative; ``final_strain``, and ``birth_strain``, the part
        of it that births brought; ``settling_shift``, b; ``births``, of single dislocations;
        ``births_against``, those of them in pairs born against a positive load; ``lost_pairs``;
        ``speed_level`` and ``speed_spike``, b/t0: the median of the mean speed over the data, and
        how far its largest entry lies above that.
    """
    first = np.searchsorted(run.creep_time, run.creep_time[-1] - protocol.data_time - 1e-9)
    before, after = int(run.creep_number[first]), int(run.creep_number[-1])
    slips, speed = birth_slips(run), run.creep_speed[first:]
    level = float(np.median(speed))
    return {
        "relaxed_number": float(run.relaxation_number[-1]),
        "data_start_number": float(before),
        "final_number": float(after),
        # of none left nothing can vanish; a birth after that counts in full
        "number_change": after / before - 1.0 if before else float(after),
        "final_strain": float(run.creep_strain[-1]),
        "birth_strain": float(np.sum(slips)) / protocol.box_length**2,
        "settling_shift": float(run.settling_shift[0]),
        "births": float(run.birth_time.size),
        "births_against": 2.0 * np.count_nonzero(slips < 0),
        "lost_pairs": float(run.n_lost_pairs[0]),
        "speed_level": level,
        "speed_spike": float(np.max(speed)) - level,
    }
