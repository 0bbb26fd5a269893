"""How much of a kernel the data decide.

A change a of the kernel raises the loss by |F a|**2, with F the factor of the Gram matrix at a
minimum. What an operator sees is K(r) r**2. In terms of polynomials p(t), t = r/delta, for which
t**2 p is orthonormal on (0, 1), the singular values of F are the strengths with which the data see
the kernel's directions. The kernels that the data cannot tell
apart are those in the ellipsoid

    sum over directions of a_i**2 max(s_i**2 / rise, 1 / size**2) <= 1,

where the loss rises by at most `rise`, and what is not seen at all is held by `size`.

This says which kernels do as well *on these very data*. It is no interval of confidence. The rise
is chosen, not estimated; noise in f moves the minimum itself, and the band with it, by an amount
that the band does not know; and a kernel held by a constraint is not at a minimum, nor is the
truth then in the middle. With noise of half the size of f, bands of a rise of 1e-6 hold the true
kernel at a seventh of all distances. `KernelBand.note` and a warning say so. Where data show no
noise, or are too few to show any, nothing but that choice sets the width: the note says the one,
a warning the other.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from nlbook.checks import check_integer, check_number
from nlbook.identification.regression.certificates import RegressionWarning
from nlbook.identification.regression.gram import GramMatrix
from nlbook.identification.regression.symbol_bounds import legendre_in_bernstein
from nlbook.kernels import BernsteinKernel, bernstein_basis

__all__ = ["KernelBand", "kernel_band"]

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class KernelBand:
    """A learned kernel between the least and largest values of those that do as well on these data.

    It is no interval of confidence; see `note`.
    """

    #: distances (n,), length
    distance: Array
    #: K there (n,)
    kernel: Array
    #: least value of kernels that do as well (n,)
    lower: Array
    #: largest value (n,)
    upper: Array
    #: singular values of the directions over the largest (M + 1,), falling
    strengths: Array
    #: polynomials K r**alpha of the directions (M + 1, n), in the same order
    directions: Array
    #: rise of the loss that was let pass, units of f squared
    rise: float
    #: loss that no kernel of any form avoids, as noise makes it, units of f squared
    unexplained: float
    #: whether that is more than rounding; None where the data are too few to tell
    noise_is_seen: bool | None

    @property
    def note(self) -> str:
        """What the band is, and what it is not, in words."""
        if self.noise_is_seen is None:
            noise = "too few data to show noise in them"
        elif self.noise_is_seen:
            noise = f"no kernel avoids {self.unexplained:.2g}"
        else:
            noise = "the data show no noise that would set a scale for it"
        return (
            f"kernels with which the loss on these very data is at most {self.rise:.2g} above "
            f"that of the learned one ({noise}); no interval of confidence: it says nothing of "
            f"what noise did to the learned kernel"
        )

    def seen(self, share: float = 1e-4) -> int:
        """Number of directions that the data see with at least this share of the strongest."""
        return int(np.sum(self.strengths >= share))


def kernel_band(
    gram: GramMatrix,
    kernel: BernsteinKernel,
    *,
    tolerance: float = 1e-6,
    size: float = 1.0,
    n_points: int = 200,
) -> KernelBand:
    """Kernels that explain these very data nearly as well as one; no interval of confidence.

    Other data of the same law, with other noise, would give another kernel, and a band around
    that: where the truth lies is not said.

    Parameters
    ----------
    gram : GramMatrix
        The data.
    kernel : BernsteinKernel
        In the middle; of the horizon, degree and alpha of `gram`.
    tolerance : float
        Rise of the loss that is let pass, as a share of the mean square of f.
    size : float
        Largest change of the polynomial p = K r**alpha, as a share, in the norm of t**2 p; what
        the data do not see at all may change by that much.
    n_points : int
        Distances, equally spaced up to the horizon.

    Returns
    -------
    KernelBand

    Warns
    -----
    RegressionWarning
        If no kernel explains the data to within the rise, as with noise: then the band is
        narrower than what is not known. Or if some kernel of this form explains as few data as
        these whatever they are, so that their noise can't be known.

    Raises
    ------
    ValueError
        If an argument is not positive, or the kernel is of another form.
    """
    tolerance = check_number("tolerance", tolerance, above=0.0)
    size = check_number("size", size, above=0.0)
    n_points = check_integer("n_points", n_points, 1)
    if (kernel.horizon, kernel.degree, kernel.alpha) != (gram.horizon, gram.degree, gram.alpha):
        raise ValueError(
            f"kernel must have horizon {gram.horizon:g}, degree {gram.degree} and alpha "
            f"{gram.alpha:g} as the data were gathered for, got {kernel!r}"
        )
    rise = tolerance * gram.response
    if gram.floor > max(rise, gram.rounding):
        warnings.warn(
            f"no kernel explains the data to better than {gram.floor / gram.response:.2g} of the "
            f"mean square of f, as with noise, and the band is of a rise of {tolerance:.2g} of it: "
            f"it shows which kernels do as well on these very data, and is no interval in which "
            f"to expect the truth",
            RegressionWarning,
            stacklevel=2,
        )
    if gram.n_left == 0:
        warnings.warn(
            f"the data are no more numbers than the {gram.weights.shape[0]} node weights that may "
            f"fit them: what noise they hold can't be known, and the band, of a rise of "
            f"{tolerance:.2g} of the mean square of f, is as wide as that choice makes it",
            RegressionWarning,
            stacklevel=2,
        )
    basis = _orthonormal(gram.degree)
    middle = np.linalg.solve(basis, np.asarray(kernel.coefficients))
    _, singular, right = np.linalg.svd(gram.factor @ basis)
    strengths = np.zeros(gram.degree + 1)
    strengths[: singular.size] = singular
    t = np.arange(1, n_points + 1) / n_points
    directions = (bernstein_basis(gram.degree, t) @ basis @ right.T).T
    largest = size * float(np.linalg.norm(middle))
    stiffness = np.maximum(strengths**2 / rise, 1 / largest**2)
    distance = t * gram.horizon
    half = np.sqrt((1 / stiffness) @ directions**2) * distance**-gram.alpha
    values = kernel(distance)
    return KernelBand(
        distance,
        values,
        values - half,
        values + half,
        strengths / strengths[0],
        directions,
        rise,
        gram.floor,
        gram.floor > gram.rounding if gram.n_left else None,
    )


def _orthonormal(degree: int) -> Array:
    """Bernstein coefficients of polynomials p for which t**2 p is orthonormal on (0, 1)."""
    legendre = legendre_in_bernstein(degree)
    points, weights = np.polynomial.legendre.leggauss(degree + 3)  # exact for degree 2 M + 4
    t = (1 + points) / 2
    values = (np.sqrt(weights / 2) * t**2)[:, np.newaxis] * (bernstein_basis(degree, t) @ legendre)
    triangle = linalg.qr(values, mode="r")[0][: degree + 1]
    return np.asarray(linalg.solve_triangular(triangle, legendre.T, trans="T").T)
