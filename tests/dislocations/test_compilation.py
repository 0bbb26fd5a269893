"""A process that compiles the kernels and one that finds them in numba's cache agree."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

CODE = """
from hashlib import sha256
from nlbook.dislocations import CreepProtocol, simulate_creep

for integrator in ("adaptive", "euler"):
    run = simulate_creep(
        CreepProtocol(
            n_dislocations=60,
            box_length=60.0,
            integrator=integrator,
            relaxation_steps=3000,
            settling_steps=20,
            creep_steps=90,
            applied_stress=0.2,
            n_sources=3,
            nucleation_time=0.2,
        ),
        (8, 1),
    )
    print(sha256(run.relaxed_x.tobytes() + run.shift.tobytes()).hexdigest())
"""


@pytest.mark.slow
def test_compiled_and_cached_kernels_give_the_same_to_the_bit(tmp_path):
    environment = {
        **os.environ,
        "NUMBA_CACHE_DIR": str(tmp_path),
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
    }
    found = []
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-c", CODE], env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        found.append(done.stdout)
    assert any(tmp_path.rglob("*.nbi"))
    assert found[0] == found[1]
