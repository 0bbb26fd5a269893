"""A periodic cell of plane crystals, with its full fields: finite strain, implicit in time.

On a square grid of pixels F = mean F + grad u, the mean F being the stretch U of the path, in plane
strain; each step finds the displacement u with Div P = 0 (`nlbook.crystals.fourier`) for the stress
at the end of the step (`nlbook.crystals.plane_update`). Slip Gamma and accumulated slip e of each
pixel move by the second backward differentiation formula of variable step,

    y_n = ((1 + w)^2 y_n-1 - w^2 y_n-2 + (1 + w) dt f_n) / (1 + 2 w),   w = dt / (dt before),

and by backward Euler where there is no step before, or one that is less than half as long. The
search starts from the displacement that the last three steps lead to. A step without a solution is
halved, the stretch linear in between.

The mean Cauchy stress is <P> U / det U. Unlike in Taylor's average the mean stress has a history:
det F is not the same everywhere. Of the law (A.3) all three normal stresses count; `Response` has
the two in the plane.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nlbook.checks import check_integer, check_number, check_unmasked
from nlbook.crystals.cell_steps import CellSteps
from nlbook.crystals.datasets import answer_paths
from nlbook.crystals.fourier import discrete_gradient
from nlbook.crystals.law import CrystalLaw, plane_pair
from nlbook.crystals.plane_grains import GrainMap, VoronoiGrains
from nlbook.crystals.plane_update import plane_constants
from nlbook.crystals.response import Response, StrainPath
from nlbook.parallel import checkpoint

__all__ = ["CellFields", "UnitCell"]


@dataclass(frozen=True, eq=False)
class CellFields:
    """Fields of a cell at one time."""

    #: s
    time: float
    #: F, shape (2, 2, n1, n2)
    deformation: NDArray[np.float64]
    #: first Piola stress, GPa, shape (2, 2, n1, n2)
    piola: NDArray[np.float64]
    #: slip Gamma of either system, shape (n1, n2)
    slip: NDArray[np.float64]
    #: accumulated slip of either system, shape (n1, n2)
    accumulated: NDArray[np.float64]

    @property
    def cauchy(self) -> NDArray[np.float64]:
        """Cauchy stress, GPa, shape (2, 2, n1, n2)."""
        f, p = self.deformation, self.piola
        volume = f[0, 0] * f[1, 1] - f[0, 1] * f[1, 0]
        return np.asarray(np.einsum("ijxy,kjxy->ikxy", p, f) / volume)


@dataclass(frozen=True, eq=False)
class UnitCell:
    """A periodic cell of plane crystals.

    Raises
    ------
    ValueError
        If the grains do not have the cell's shape, or the law is not of two systems of the plane
        that share a Schmid tensor.
    """

    #: pixels along both axes
    shape: tuple[int, int] = (64, 64)
    #: grains, random or given
    grains: VoronoiGrains | GrainMap = VoronoiGrains()
    #: law of all grains
    law: CrystalLaw = field(default_factory=plane_pair)
    #: root mean square of Div P, times the side of a pixel over the shear modulus, up to which a
    #: step is in balance
    tolerance: float = 1e-5

    def __post_init__(self) -> None:
        if len(self.shape) != 2:
            raise ValueError(f"shape must be two numbers of pixels, got {self.shape!r}")
        for number in self.shape:
            check_integer("shape", number, 1)
        object.__setattr__(self, "shape", tuple(int(number) for number in self.shape))
        check_number("tolerance", self.tolerance, above=0.0, below=1e-2)
        plane_constants(self.law)
        if isinstance(self.grains, GrainMap):
            self.grains.map(self.shape)

    @property
    def grain_map(self) -> GrainMap:
        """The grains, pixel by pixel."""
        return self.grains.map(self.shape)

    def response(self, strain_path: StrainPath) -> Response:
        """Mean stress along a strain path.

        Parameters
        ----------
        strain_path : StrainPath
            In two dimensions; each of its times is one step.

        Returns
        -------
        Response
            Cauchy stress in the plane; activity, the mean slip summed over both systems; energies.

        Raises
        ------
        StepsTooLong
            If no balance was found, with time and strain.
        ValueError
            If the path is not of two dimensions.
        """
        n_times = len(strain_path.times)
        stress, slip = np.zeros((n_times, 2, 2)), np.zeros((n_times, 1))
        stored, rate = np.zeros(n_times), np.zeros(n_times)
        constants = plane_constants(self.law)[0]
        _, _, tau_0, reference, power, decay, saturation, latent = constants
        for k, state in enumerate(self._march(strain_path)):
            stretch = strain_path.stretch[k]
            mean = state.piola.mean(axis=(1, 2)).reshape(2, 2)
            stress[k] = mean @ stretch / np.linalg.det(stretch)
            slip[k] = 2 * state.accumulated.mean()
            e, y = state.accumulated, state.excess
            if decay > 0:
                stored[k] = 2 * np.mean(saturation * (e + np.expm1(-decay * e) / decay))
            stored[k] += latent * np.mean(e**2)
            rate[k] = 2 * tau_0 * reference * np.mean(y ** (power + 1))
        step = np.diff(strain_path.times)
        dissipated = np.concatenate([[0.0], np.cumsum(0.5 * step * (rate[1:] + rate[:-1]))])
        return Response(strain_path.times, strain_path.stretch, stress, slip, stored, dissipated)

    def responses(self, strain_paths: Sequence[StrainPath], **options: Any) -> list[Response]:
        """Mean stresses along many paths: `nlbook.crystals.answer_paths`, with its options."""
        return answer_paths(self, strain_paths, **options)

    def fields(self, strain_path: StrainPath, places: Sequence[int] = (-1,)) -> list[CellFields]:
        """Fields at some times of a strain path.

        Parameters
        ----------
        strain_path : StrainPath
            As of `response`.
        places : sequence of int
            Numbers of the times, from the end where negative; in the order of the times.

        Returns
        -------
        list of CellFields

        Raises
        ------
        ValueError
            As `response`; or if a number names no time.
        """
        n_times = len(strain_path.times)
        check_unmasked("places", places)
        wanted = {check_integer("places", p, -n_times, n_times - 1) % n_times for p in places}
        kept = []
        whole = (2, 2, *self.shape)
        for k, state in enumerate(self._march(strain_path)):
            if k in wanted:
                mean = strain_path.stretch[k][..., np.newaxis, np.newaxis]
                kept.append(
                    CellFields(
                        float(strain_path.times[k]),
                        mean + discrete_gradient(state.displacement).reshape(whole),
                        state.piola.reshape(whole).copy(),
                        state.slip.copy(),
                        state.accumulated.copy(),
                    )
                )
            if k == max(wanted):
                break
        return kept

    def _march(self, path: StrainPath) -> Iterator[CellSteps]:
        """The state of the cell at each time of a path; the same object, moved on."""
        if path.stretch.shape[1] != 2:
            raise ValueError("strain_path must be of two dimensions")
        steps = CellSteps(self.grain_map.field, self.law, self.tolerance)
        steps.begin(float(path.times[0]), path.stretch[0])
        yield steps
        for time, stretch in zip(path.times[1:], path.stretch[1:], strict=True):
            checkpoint()
            steps.advance(float(time), stretch)
            yield steps
