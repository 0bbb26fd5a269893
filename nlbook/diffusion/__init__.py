"""Nonlocal diffusion: the operator of a radial kernel, its evolution and its steady states."""

from nlbook.checks import uniform_spacing
from nlbook.diffusion.checks import DiffusionWarning, check_evolution
from nlbook.diffusion.distributed import DistributedDiffusion
from nlbook.diffusion.operator import NonlocalDiffusion
from nlbook.diffusion.plane import plane_weights
from nlbook.diffusion.quadrature import (
    LineWeights,
    line_weights,
    periodic_weights,
    weight_derivatives,
)

__all__ = [
    "DiffusionWarning",
    "DistributedDiffusion",
    "LineWeights",
    "NonlocalDiffusion",
    "check_evolution",
    "line_weights",
    "periodic_weights",
    "plane_weights",
    "uniform_spacing",
    "weight_derivatives",
]
