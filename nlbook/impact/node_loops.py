"""Central differences for the nodes, in the form that keeps account of energy.

Velocities live half way between the steps. With dt the mean of two steps,

    v(n + 1/2) = v(n - 1/2) - dt f(n) / m + impulses / m,
    x(n + 1)   = x(n) + dt(n + 1/2) v(n + 1/2),

the work of a force in the step is its impulse times (v(n - 1/2) + v(n + 1/2)) / 2, so that kinetic
energy, internal energy and the work of contacts add up to a constant, to rounding.
"""

from __future__ import annotations

from nlbook.compilation import compiled
from nlbook.impact.blocks import LANES

__all__ = ["drift_loop", "gather_loop", "kick_loop"]


@compiled()
def gather_loop(forces, slots, starts, dimension, first, last, total):
    """Total force of the nodes from first to last, in the order of their elements."""
    for n in range(first, last):
        for d in range(dimension):
            value = 0.0
            for k in range(starts[n], starts[n + 1]):
                value += forces[slots[k] + d * LANES]
            total[dimension * n + d] = value


@compiled()
def kick_loop(v, before, force, inverse_mass, dt):
    """Keep the velocities, and change them by the internal forces."""
    for k in range(len(v)):
        before[k] = v[k]
        v[k] -= dt * force[k] * inverse_mass[k]


@compiled()
def drift_loop(x, v, before, force, mass, inverse_mass, dt, step):
    """Move the nodes; the work of internal forces and of others, and the kinetic energy."""
    internal, external, kinetic = 0.0, 0.0, 0.0
    for k in range(len(x)):
        mean = 0.5 * (before[k] + v[k])
        internal += force[k] * mean
        external += mass[k] * (v[k] - (before[k] - dt * force[k] * inverse_mass[k])) * mean
        kinetic += mass[k] * v[k] * v[k]
        x[k] += step * v[k]
    return dt * internal, external, 0.5 * kinetic
