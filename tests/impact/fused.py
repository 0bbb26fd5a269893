"""Strain, stress and force of a block in one compiled loop, for J2, to hold the passes against."""

import numpy as np

from nlbook.compilation import compiled
from nlbook.impact.blocks import LANES
from nlbook.impact.flow_loops import STATE, voce_loop
from nlbook.impact.hexahedron_loops import MOTION, REFERENCE, force_loop, motion_loop


@compiled()
def fused_loop(x, v, nodes, reference, f, state, tau, forces, dt, law, constants, group, result):
    """The three passes, one group of blocks after another; see the loops for arguments."""
    motion, part = np.empty(group * MOTION * LANES), np.empty(3)
    result[0], result[1], result[2] = np.inf, 0.0, 0.0
    n_blocks = len(f) // (9 * LANES)
    for start in range(0, n_blocks, group):
        stop = min(start + group, n_blocks)
        own = f[start * 9 * LANES : stop * 9 * LANES]
        stress = tau[start * 6 * LANES : stop * 6 * LANES]
        moves = motion[: (stop - start) * MOTION * LANES]
        bricks = reference[start * REFERENCE * LANES : stop * REFERENCE * LANES]
        motion_loop(x, v, nodes[start * 8 * LANES : stop * 8 * LANES], bricks, own, moves)
        voce_loop(own, state[start * STATE * LANES : stop * STATE * LANES], stress, dt, law)
        out = forces[start * 24 * LANES : stop * 24 * LANES]
        force_loop(own, stress, moves, bricks, constants, out, part)
        result[0] = min(result[0], part[0])
        result[1] += part[1]
        result[2] += part[2]


def fused_evaluate(body, x, v, dt, group=8):
    """Forces and step as of `Body.evaluate`, for J2 and one point, not summed at the nodes."""
    arrays, law, result = body._arrays, body.material, np.empty(3)
    constants = (
        law.shear_modulus, law.bulk_modulus, law.yield_stress, law.hardening, law.saturation,
        1.0 / law.saturation_strain, law.reference_rate or 0.0, 1.0 / law.rate_exponent,
    )  # fmt: skip
    fused_loop(
        x.ravel(), v.ravel(), arrays.nodes.ravel(), arrays.reference.ravel(),
        body.deformation.ravel(), body.state.ravel(), body.stress.ravel(), body._forces.ravel(),
        dt, constants, body._constants, group, result,
    )  # fmt: skip
    return body._forces, float(result[0])
