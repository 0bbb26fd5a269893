"""A process that compiles the kernels and one that finds them in numba's cache agree."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

CODE = """
from hashlib import sha256
import numpy as np
from nlbook.densities import adaptive_kde

samples = np.random.default_rng(1).standard_t(3, 5000)
found = [
    adaptive_kde(samples, np.linspace(-20.0, 20.0, 401), method=method)
    for method in ("binned", "direct")
]
print(sha256(np.array(found).tobytes()).hexdigest())
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
