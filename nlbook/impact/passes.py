"""The three passes over the elements of a body: strain, stress, forces; by chunks and in threads.

A chunk is as many elements as a core's own cache holds, and goes through all passes before the
next. Each node then adds the forces of its elements in their order, so that no number depends on
how many threads there are.
"""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nlbook.impact.blocks import LANES, from_blocks
from nlbook.impact.elements import Elements, force_slots
from nlbook.impact.materials import Material
from nlbook.impact.mesh import Mesh
from nlbook.impact.node_loops import gather_loop

__all__ = ["Body", "ImpactError"]

_CHUNK = 64  # blocks


class ImpactError(RuntimeError):
    """A run that can't go on: an element inside out, or a stress that is no number."""


class Body:
    """Elements of a material: their strain, stress and memory.

    Parameters
    ----------
    mesh : Mesh
        The undeformed body.
    material : Material
        Of all elements.
    elements : Elements
        How they are integrated.
    workers : int
        Threads.
    """

    def __init__(self, mesh: Mesh, material: Material, elements: Elements, workers: int) -> None:
        self.mesh, self.material, self.workers = mesh, material, workers
        self._arrays = a = elements.arrays(mesh)
        dimension, corners = mesh.nodes.shape[1], mesh.elements.shape[1]
        share = material.density * a.shares.ravel()
        #: of the nodes, kg, shape (n_nodes,)
        self.mass = np.bincount(mesh.elements.ravel(), share, mesh.n_nodes)
        n_blocks = len(a.nodes)
        #: F, shape (n_blocks n_points, 9, LANES)
        self.deformation = np.zeros((n_blocks * a.n_points, 9, LANES))
        #: tau, Pa, shape (n_blocks n_points, 6, LANES)
        self.stress = np.zeros((n_blocks * a.n_points, 6, LANES))
        #: what the material remembers
        self.state = material.new_state(n_blocks * a.n_points)
        #: force of the elements against the nodes, N, shape (n_nodes dimension,)
        self.force = np.zeros(mesh.nodes.size)
        #: stable step and powers of both viscosities, by chunk
        self.results = np.zeros((-(-n_blocks // _CHUNK), 3))
        speed = math.sqrt(material.wave_modulus / material.density)
        self._constants = (material.density, speed, *a.viscosity)
        self._slots, self._starts = force_slots(mesh.elements, mesh.n_nodes, dimension)
        self._forces = np.zeros((n_blocks, corners * dimension, LANES))
        # what moves is needed from one pass to the next only: chunks share the room of a worker
        motion = np.zeros((workers, min(_CHUNK, n_blocks), a.n_motion, LANES))
        self._chunks: list[tuple[Any, ...]] = []
        for number in range(len(self.results)):
            own = slice(number * _CHUNK, min((number + 1) * _CHUNK, n_blocks))
            points = slice(own.start * a.n_points, own.stop * a.n_points)
            room = motion[number % workers, : own.stop - own.start]
            self._chunks.append(
                (
                    own.start * LANES, a.nodes[own].ravel(), a.reference[own].ravel(),
                    self.deformation[points], room.ravel(), self.state[points],
                    self.stress[points], self._forces[own].ravel(), self.results[number],
                )
            )  # fmt: skip
        self._pool = ThreadPoolExecutor(workers) if workers > 1 else None

    @property
    def n_points(self) -> int:
        """Points of an element."""
        return self._arrays.n_points

    def evaluate(self, x: NDArray[np.float64], v: NDArray[np.float64], dt: float) -> float:
        """Strain, stress and force at places x and velocities v; the stable step.

        Raises
        ------
        ImpactError
            If an element is inside out, or its stress is no number.
        """
        shares = [self._chunks[k :: self.workers] for k in range(self.workers)]
        found = map if self._pool is None else self._pool.map
        done = found(lambda own: self._evaluate_chunks(own, x.ravel(), v.ravel(), dt), shares)
        failures = [failure for failure in done if failure is not None]
        if failures:
            self._fail(*min(failures))
        gather_loop(
            self._forces.ravel(), self._slots, self._starts, x.shape[1], 0, len(x), self.force
        )
        return float(self.results[:, 0].min())

    def by_element(self, blocks: NDArray[np.float64]) -> NDArray[np.float64]:
        """Numbers of blocks by element, shape (n_elements, n_points, numbers a point)."""
        n = self.n_points
        parts = [from_blocks(blocks[p::n], self.mesh.n_elements) for p in range(n)]
        return np.stack(parts, axis=1)

    def deformation_of(self, elements: NDArray[np.int64]) -> NDArray[np.float64]:
        """F of some elements, the mean over their points, shape (n, 3, 3)."""
        blocks, lanes = np.divmod(elements, LANES)
        points = blocks[:, np.newaxis] * self.n_points + np.arange(self.n_points)
        rows = self.deformation[points, :, lanes[:, np.newaxis]]
        return np.asarray(rows.mean(axis=1).reshape(-1, 3, 3))

    def _evaluate_chunks(
        self, chunks: list[tuple], x: NDArray[np.float64], v: NDArray[np.float64], dt: float
    ) -> tuple[int, str] | None:
        """Three passes over each chunk; an element that fails, if one does."""
        arrays, update = self._arrays, self.material.update
        for first, nodes, reference, deformation, motion, state, stress, forces, result in chunks:
            f = deformation.ravel()
            least, element = arrays.motion(x, v, nodes, reference, f, motion)
            if not least > 0.0:
                return first + element, "is inside out"
            update(deformation, state, stress, dt)
            arrays.force(f, stress.ravel(), motion, reference, self._constants, forces, result)
            if not math.isfinite(result[0]):
                good = np.isfinite(stress).all(axis=1).reshape(-1, arrays.n_points, LANES)
                return first + int(np.argmin(good.all(axis=1))), "has a stress that is no number"
        return None

    def _fail(self, element: int, what: str) -> None:
        element = min(element, self.mesh.n_elements - 1)  # the last one fills its block
        f = self.by_element(self.deformation)[element]
        f = f[np.argmin(np.linalg.det(f.reshape(-1, 3, 3)))].reshape(3, 3)
        rows = ", ".join(f"[{a:.4g}, {b:.4g}, {c:.4g}]" for a, b, c in f)
        raise ImpactError(
            f"element {element} {what}: F there is [{rows}], of determinant {np.linalg.det(f):.4g}"
        )
