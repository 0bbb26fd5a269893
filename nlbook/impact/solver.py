"""A body that moves under its own stress and what it meets: explicit, total Lagrangian.

The mesh, its gradients and the material's memory stay those of the undeformed body. Masses are
lumped. The step follows from the deformed elements, and never grows
by more than a tenth; see `nlbook.impact.hexahedron_loops` for the equations.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nlbook.checks import check_integer, check_number, check_unmasked, real_array
from nlbook.impact.axisymmetric import Rings
from nlbook.impact.blocks import tensors_of
from nlbook.impact.contact import Contact, check_start
from nlbook.impact.elements import Elements, OnePoint
from nlbook.impact.materials import Material
from nlbook.impact.mesh import Mesh
from nlbook.impact.node_loops import drift_loop, kick_loop
from nlbook.impact.passes import Body, ImpactError

__all__ = ["History", "Simulation"]

_FORMAT = 1  # of the checkpoints
_GROWTH = 1.1  # of a step to the one before
_COLUMNS = ("time", "step", "kinetic", "internal", "contact", "hourglass", "bulk_viscosity")


@dataclass(frozen=True, eq=False)
class History:
    """What was recorded at the end of each step, from the start on; shape (n_steps + 1,) each.

    Energies are of the velocities half a step before. Kinetic energy plus internal energy less the
    work of contacts is constant to rounding, whatever the error of the step: refine to see that.
    """

    #: s
    time: NDArray[np.float64]
    #: length of the step, s
    step: NDArray[np.float64]
    #: J
    kinetic: NDArray[np.float64]
    #: work against all forces of the elements, J
    internal: NDArray[np.float64]
    #: work of the rigid bodies and supports on the body, J
    contact: NDArray[np.float64]
    #: what the hourglass viscosity took, a part of the internal energy, J
    hourglass: NDArray[np.float64]
    #: what the bulk viscosity took, a part of the internal energy, J
    bulk_viscosity: NDArray[np.float64]
    #: of each rigid body on the body so far, N s, shape (n_steps + 1, n_contacts, dimension)
    impulse: NDArray[np.float64]
    #: F of the recorded elements, shape (n_steps + 1, n_recorded, 3, 3), the mean over points
    deformation: NDArray[np.float64]

    @property
    def total(self) -> NDArray[np.float64]:
        """What is constant, J."""
        return np.asarray(self.kinetic + self.internal - self.contact)


class Simulation:
    """A body in motion.

    Parameters
    ----------
    mesh : Mesh
        The undeformed body.
    material : Material
        Of all elements.
    velocity : array_like, shape (dimension,) or (n_nodes, dimension)
        At the start, m/s; none by default.
    elements : Elements
        How they are integrated; by default `OnePoint` for hexahedra, `Rings` for rings.
    contacts : sequence of Contact
        Rigid bodies.
    supports : array_like of bool, shape (n_nodes, dimension), optional
        Components that do not move.
    safety : float
        The step over the stable one.
    record : sequence of int
        Elements whose F is kept at every step.
    workers : int
        Threads; the result does not depend on it.

    Raises
    ------
    ValueError
        If a rigid body holds a node at the start, or an argument is out of range.
    """

    def __init__(
        self,
        mesh: Mesh,
        material: Material,
        *,
        velocity: ArrayLike | None = None,
        elements: Elements | None = None,
        contacts: Sequence[Contact] = (),
        supports: ArrayLike | None = None,
        safety: float = 0.9,
        record: Sequence[int] = (),
        workers: int = 1,
    ) -> None:
        check_number("density", material.density, above=0.0)
        check_number("wave_modulus", material.wave_modulus, above=0.0)
        check_integer("workers", workers, 1)
        self.safety = check_number("safety", safety, above=0.0, most=1.0)
        self.mesh, self.material, self.contacts = mesh, material, tuple(contacts)
        one_point = OnePoint() if mesh.elements.shape[1] == 8 else Rings()
        self.elements: Elements = one_point if elements is None else elements
        check_unmasked("record", record)
        numbers = [check_integer("record", n, 0, mesh.n_elements - 1) for n in record]
        #: numbers of the elements whose F is kept
        self.recorded = np.array(numbers, dtype=np.int64)
        shape = mesh.nodes.shape
        start = real_array("velocity", np.zeros(shape[1]) if velocity is None else velocity)
        if start.shape not in (shape[1:], shape):
            raise ValueError(f"velocity must be of shape {shape[1:]} or {shape}, got {start.shape}")
        self._fixed = mesh.constraints.copy()
        if supports is not None:
            check_unmasked("supports", supports)
            held = np.asarray(supports)
            if held.dtype != bool or held.shape != shape:
                raise ValueError(
                    f"supports must be bool of shape {shape}, got {held.dtype} of {held.shape}"
                )
            self._fixed |= held
        check_start(self.contacts, mesh.nodes)
        self._body = Body(mesh, material, self.elements, workers)
        #: of the nodes, kg, shape (n_nodes, dimension)
        self.mass = np.outer(self._body.mass, np.ones(shape[1]))
        self._inverse_mass = (1.0 / self.mass).ravel()
        #: places of the nodes, m, shape (n_nodes, dimension)
        self.x = mesh.nodes.copy()
        #: their velocities, half a step before, m/s
        self.v = np.where(self._fixed, 0.0, np.broadcast_to(start, shape))
        self._before = np.zeros(self.x.size)
        self._impulse = np.zeros((len(self.contacts), shape[1]))
        self._rows: list[list[float]] = []
        self._impulses: list[NDArray[np.float64]] = []
        self._paths: list[NDArray[np.float64]] = []
        self._last_step = 0.0
        #: s
        self.time = 0.0
        #: steps so far
        self.n_steps = 0
        #: of the body as it is, s
        self.stable_step = self._body.evaluate(self.x, self.v, 0.0)
        self._note(0.0, 0.5 * float(np.sum(self.mass * self.v**2)), 0.0, 0.0, 0.0, 0.0)

    @property
    def deformation(self) -> NDArray[np.float64]:
        """F now, shape (n_elements, 3, 3), or (n_elements, n_points, 3, 3)."""
        return self._body.by_element(self._body.deformation).reshape(*self._points, 3, 3)

    @property
    def stress(self) -> NDArray[np.float64]:
        """Cauchy stress now, Pa, shape (n_elements, 3, 3), or (n_elements, n_points, 3, 3)."""
        tau = tensors_of(self._body.by_element(self._body.stress)).reshape(*self._points, 3, 3)
        return np.asarray(tau / np.linalg.det(self.deformation)[..., np.newaxis, np.newaxis])

    @property
    def observables(self) -> dict[str, NDArray[np.float64]]:
        """What the material shows, shape (n_elements,) or (n_elements, n_points) each."""
        return {
            name: self._body.by_element(values[:, np.newaxis]).reshape(self._points)
            for name, values in self.material.observables(self._body.state).items()
        }

    @property
    def _points(self) -> tuple[int, ...]:
        n = self._body.n_points
        return (self.mesh.n_elements,) if n == 1 else (self.mesh.n_elements, n)

    @property
    def history(self) -> History:
        """What was recorded so far."""
        columns = dict(zip(_COLUMNS, np.array(self._rows).T, strict=True))
        paths = np.array(self._paths).reshape(len(self._rows), len(self.recorded), 3, 3)
        return History(**columns, impulse=np.array(self._impulses), deformation=paths)

    def run(
        self,
        until: float,
        *,
        stop: Callable[[Simulation], bool] | None = None,
        checkpoint: str | os.PathLike[str] | None = None,
        every: int = 1000,
        progress: bool = False,
    ) -> Simulation:
        """Move on to a time, or until something holds.

        Parameters
        ----------
        until : float
            The last step is shortened to end there, s.
        stop : callable, optional
            Asked after each step.
        checkpoint : path, optional
            Written before the first step and at every so many; it remains where a run fails.
        every : int
            Steps between checkpoints.
        progress : bool
            Whether a bar shows how far the time has come.

        Raises
        ------
        ImpactError
            If an element is turned inside out, or a stress is no number; the element, the time and
            its deformation are named.
        """
        from tqdm import tqdm

        check_number("until", until, least=self.time)
        check_integer("every", every, 1)
        if checkpoint is not None:
            self.save(checkpoint)
        span = until - self.time
        form = "{l_bar}{bar}| {postfix}, {elapsed}<{remaining}"
        with tqdm(total=1.0, disable=not progress, bar_format=form) as bar:
            while self.time < until:
                before = self.time
                self.step(until)
                if checkpoint is not None and self.n_steps % every == 0:
                    self.save(checkpoint)
                bar.update(min((self.time - before) / span, 1.0 - bar.n))
                bar.set_postfix_str(f"{self.n_steps} steps", refresh=False)
                if stop is not None and stop(self):
                    break
        return self

    def step(self, until: float = np.inf) -> None:
        """Take one step, that does not go beyond a time."""
        step = self.safety * self.stable_step
        if self._last_step:
            step = min(step, _GROWTH * self._last_step)
        ends = self.time + step >= until
        if ends:
            step = until - self.time
        dt = 0.5 * (self._last_step + step)
        v, force = self.v.ravel(), self._body.force
        kick_loop(v, self._before, force, self._inverse_mass, dt)
        self.v[self._fixed] = 0.0
        for number, contact in enumerate(self.contacts):
            self._impulse[number] += contact.correct(
                self.x, self.v, self.mass, self.mesh.boundary, self.time, step
            )
        internal, external, kinetic = drift_loop(
            self.x.ravel(), v, self._before, force, self.mass.ravel(), self._inverse_mass, dt, step
        )
        last = dict(zip(_COLUMNS, self._rows[-1], strict=True))
        self.time = until if ends else self.time + step
        self.n_steps += 1
        self._last_step = step
        try:
            self.stable_step = self._body.evaluate(self.x, self.v, step)
        except ImpactError as error:
            raise ImpactError(f"at {self.time:.6g} s, in step {self.n_steps}, {error}") from None
        damped = step * self._body.results[:, 1:].sum(axis=0)
        self._note(
            step, kinetic, last["internal"] + internal, last["contact"] + external,
            last["hourglass"] + float(damped[0]), last["bulk_viscosity"] + float(damped[1]),
        )  # fmt: skip

    def _note(self, *row: float) -> None:
        self._rows.append([self.time, *row])
        self._impulses.append(self._impulse.copy())
        if len(self.recorded):
            self._paths.append(self._body.deformation_of(self.recorded))

    def save(self, file: str | os.PathLike[str]) -> None:
        """Write all that a run needs to go on to the same bits; aside first, then renamed."""
        aside = Path(f"{os.fspath(file)}.part")
        with aside.open("wb") as stream:
            np.savez(stream, **self._memory())
        aside.replace(file)

    def resume(self, file: str | os.PathLike[str]) -> Simulation:
        """Go on from where `save` was called, in a simulation made with the same arguments.

        Raises
        ------
        ValueError
            If the file is of another body, or of another format.
        """
        try:
            with np.load(file, allow_pickle=False) as kept:
                memory = {name: kept[name] for name in kept.files}
        except (BadZipFile, EOFError, TypeError, ValueError) as error:
            raise ValueError(f"file must be a checkpoint, {os.fspath(file)} is none") from error
        mine = self._memory()
        if memory.keys() != mine.keys() or memory["key"] != mine["key"]:
            raise ValueError(f"file must be a checkpoint of this body, {os.fspath(file)} is not")
        for name in ("x", "v", "force", "deformation", "stress", "state", "impulse", "results"):
            mine[name][...] = memory[name]
        self._rows = memory["rows"].tolist()
        self._impulses, self._paths = list(memory["impulses"]), list(memory["paths"])
        self.time, self._last_step, self.stable_step = memory["clock"].tolist()
        self.n_steps = len(self._rows) - 1
        return self

    def _memory(self) -> dict[str, Any]:
        digest = hashlib.sha256()
        choices = (self.material, self.elements, self.contacts, self.safety, self.recorded)
        for words in _spelt((_FORMAT, self.mesh.nodes, self.mesh.elements, self._fixed, *choices)):
            digest.update(words)
        body = self._body
        return {
            "key": np.array(digest.hexdigest()),
            "x": self.x, "v": self.v, "force": body.force, "deformation": body.deformation,
            "stress": body.stress, "state": body.state, "impulse": self._impulse,
            "results": body.results, "rows": np.array(self._rows),
            "impulses": np.array(self._impulses), "paths": np.array(self._paths),
            "clock": np.array([self.time, self._last_step, self.stable_step]),
        }  # fmt: skip


def _spelt(value: Any) -> Iterator[bytes]:
    """What a choice is, without where it lies in memory."""
    if isinstance(value, np.ndarray):
        yield value.tobytes()
    elif is_dataclass(value) or isinstance(value, list | tuple):
        yield type(value).__qualname__.encode()
        named = (
            [getattr(value, part.name) for part in fields(value)] if is_dataclass(value) else value
        )
        for part in named:
            yield from _spelt(part)
    elif isinstance(value, str | int | float | bool | None):
        yield repr(value).encode()
    else:
        yield type(value).__qualname__.encode()
