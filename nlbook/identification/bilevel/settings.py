"""What a fit compares, and where."""

from __future__ import annotations

import dataclasses
import functools
import warnings
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from nlbook.checks import check_choice, check_integer, check_number
from nlbook.diffusion.quadrature import Rule

__all__ = ["ExactEvolution", "FitSettings", "ForwardEuler", "LevelOne", "common_step"]

LevelOne = Literal["integrated", "steps"]
"""Least squares of the change since the first time, or of the change in each step."""

# Steps of forward Euler between the two nearest snapshots, unless dt is given: as the paper's
# 0.01 t0 divides the 1 t0 of the book's records.
_EULER_STEPS = 100
# A step is sought that divides all times, among so many parts of the shortest interval.
_PARTS = 100


@dataclass(frozen=True)
class ExactEvolution:
    """Evolution in time without error; the step only says at which times the cost compares."""

    #: time; None: the longest step that divides the times of the data, compared at these alone
    dt: float | None = None

    def __post_init__(self) -> None:
        _check_step(self.dt)


@dataclass(frozen=True)
class ForwardEuler:
    """Evolution by steps of forward Euler, as in the paper, with their error and their bound."""

    #: time; None: a hundredth of the shortest interval of the data
    dt: float | None = None

    def __post_init__(self) -> None:
        _check_step(self.dt)


def _check_step(dt: float | None) -> None:
    if dt is not None:
        check_number("dt", dt, above=0.0)


def _accepts_words(cls: type) -> type:
    """Let settings take `method` and `dt`, as before evolutions were objects, and say so."""
    init = cls.__init__  # type: ignore[misc]

    @functools.wraps(init)
    def accepting(self: Any, *arguments: Any, **named: Any) -> None:
        given, old = list(arguments), {}
        if len(given) > 1 and not isinstance(given[1], ExactEvolution | ForwardEuler):
            old["dt"] = given[1]
            if len(given) > 6 and given[6] in ("euler", "exact"):  # before level_one
                old["method"] = given.pop(6)
        old |= {name: named.pop(name) for name in ("method", "dt") if name in named}
        if old:
            before = named.get("evolution", ExactEvolution())
            if len(given) > 1 and isinstance(given[1], ExactEvolution | ForwardEuler):
                before = given[1]
            kinds = {"euler": ForwardEuler, "exact": ExactEvolution}
            if "method" in old:
                check_choice("method", old["method"], tuple(kinds))
            kind = kinds[old["method"]] if "method" in old else type(before)
            evolution = kind(old.get("dt", before.dt))
            given[1:2] = [evolution] if len(given) > 1 else []
            named |= {} if len(given) > 1 else {"evolution": evolution}
            warnings.warn(
                f"method and dt of settings are deprecated: give evolution={evolution!r}",
                DeprecationWarning,
                stacklevel=2,
            )
        init(self, *given, **named)

    cls.__init__ = accepting  # type: ignore[misc]
    return cls


@_accepts_words
@dataclass(frozen=True)
class FitSettings:
    """How an evolution is computed and compared with densities of data.

    The cost is the mean logarithmic absolute error over the nodes and times at which the data's
    density exceeds `floor`. Below one sample in a cell, the default, an estimate says more about
    its kernel than about the samples.

    Level 1 asks that the data change from their first time to each later one as the operator has
    it, integrated over the time in between (``"integrated"``), or that they do so from each step
    to the next, as in the paper (``"steps"``). Noise of one snapshot enters both sides of the
    latter, and moves its answer; the former averages it away.
    """

    #: quadrature of the operator; "nodes" is the paper's
    rule: Rule = "covered"
    #: how trial kernels evolve the first density; the paper: `ForwardEuler(0.01)`
    evolution: ExactEvolution | ForwardEuler = ExactEvolution()
    #: part of the time that trains; the rest tests
    split: float = 0.8
    #: the cost compares after every so many steps; the paper after each
    every: int = 1
    #: density below which is not compared; None: one sample in a cell
    floor: float | None = None
    #: the test starts again from the data at the split, or goes on
    testing: Literal["restarted", "continued"] = "restarted"
    #: what least squares asks for; "steps" is the paper's
    level_one: LevelOne = "integrated"

    def __post_init__(self) -> None:
        check_choice("rule", self.rule, ("covered", "nodes"))
        if not isinstance(self.evolution, ExactEvolution | ForwardEuler):
            raise ValueError(
                f"evolution must be ExactEvolution() or ForwardEuler(), got {self.evolution!r}"
            )
        check_number("split", self.split, above=0.0, most=1.0)
        check_integer("every", self.every, 1)
        if self.floor is not None:
            check_number("floor", self.floor, least=0.0)
        check_choice("testing", self.testing, ("restarted", "continued"))
        check_choice("level_one", self.level_one, ("integrated", "steps"))

    @classmethod
    def as_in_paper(cls, **changes: Any) -> FitSettings:
        """Settings of the paper, with some changed.

        The sum over nodes, forward Euler with steps of 0.01 t0, and least squares of each step.
        """
        paper = cls(rule="nodes", evolution=ForwardEuler(0.01), level_one="steps")
        return dataclasses.replace(paper, **changes)

    @property
    def dt(self) -> float | None:
        """Time step, if one was asked for or found."""
        return self.evolution.dt

    @property
    def by_steps(self) -> bool:
        """Whether evolutions take steps of forward Euler."""
        return isinstance(self.evolution, ForwardEuler)

    @property
    def method(self) -> Literal["euler", "exact"]:
        """What `nlbook.diffusion.NonlocalDiffusion.evolve` calls the evolution."""
        return "euler" if self.by_steps else "exact"

    def with_step(self, dt: float) -> FitSettings:
        """The same with the time step that was found."""
        evolution = dataclasses.replace(self.evolution, dt=dt)
        return dataclasses.replace(self, evolution=evolution)


def common_step(times: NDArray[np.float64], settings: FitSettings) -> float:
    """Time step for data at some times, where settings ask for none.

    Where no step divides all intervals, a hundredth of the shortest one, made to divide the whole
    time: each snapshot then lies within half of such a step from one.
    """
    intervals = np.diff(times)
    shortest = float(intervals.min())
    if settings.by_steps:
        return _dividing(float(times[-1] - times[0]), shortest / _EULER_STEPS)
    for parts in range(1, _PARTS + 1):
        steps = intervals * (parts / shortest)
        if np.all(np.abs(steps - np.rint(steps)) < 1e-6):
            return _dividing(float(times[-1] - times[0]), shortest / parts)
    return _dividing(float(times[-1] - times[0]), shortest / _PARTS)


def _dividing(whole: float, step: float) -> float:
    """The step, or a little less, so that it divides the whole."""
    number = whole / step
    near = round(number)
    return whole / (near if abs(number - near) < 1e-6 * number else int(number) + 1)
