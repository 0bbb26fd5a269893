"""What a fit compares, and where."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from nlbook.diffusion.quadrature import Rule

__all__ = ["FitSettings"]


@dataclass(frozen=True)
class FitSettings:
    """How an evolution is computed and compared with densities of data.

    The cost is the mean logarithmic absolute error over the nodes and times at which the data's
    density exceeds `floor`. Below one sample in a cell, the default, an estimate says more about
    its kernel than about the samples.
    """

    rule: Rule = "covered"  #: quadrature of the operator; "nodes" is the paper's
    dt: float = 0.01  #: time step; the data are linear in time between snapshots
    split: float = 0.8  #: part of the time that trains; the rest tests
    every: int = 1  #: the cost compares after every so many steps; the paper after each
    floor: float | None = None  #: density below which is not compared; None: one sample in a cell
    testing: Literal["restarted", "continued"] = "restarted"  #: from the data at the split, or on
    method: Literal["euler", "exact"] = "euler"  #: of the evolution

    def __post_init__(self) -> None:
        if self.rule not in ("covered", "nodes"):
            raise ValueError(f"rule must be 'covered' or 'nodes', got {self.rule!r}")
        if not 0 < self.dt < math.inf:
            raise ValueError(f"dt must be positive, got {self.dt!r}")
        if not 0 < self.split <= 1:
            raise ValueError(f"split must lie in 0..1, above 0, got {self.split!r}")
        if self.every != int(self.every) or self.every < 1:
            raise ValueError(f"every must be a positive number of steps, got {self.every!r}")
        if self.floor is not None and not 0 <= self.floor < math.inf:
            raise ValueError(f"floor must not be negative, got {self.floor!r}")
        if self.testing not in ("restarted", "continued"):
            raise ValueError(f"testing must be 'restarted' or 'continued', got {self.testing!r}")
        if self.method not in ("euler", "exact"):
            raise ValueError(f"method must be 'euler' or 'exact', got {self.method!r}")
