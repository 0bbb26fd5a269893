"""Run every suite and end with one summary: ``python -m tests``, or ``make test``."""

import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from pathlib import Path

from nlbook.host import usable_cores

ROOT = Path(__file__).resolve().parent.parent
WORKERS = str(min(8, max(2, usable_cores())))

# Eight workers at most, since each may take a gigabyte. A file stays on one worker, so that what
# its fixtures build is built once; what starts engines is marked `serial` and runs alone.
SUITES = {
    "unit, side by side": ["tests", "-m", "not serial", "-n", WORKERS, "--dist", "loadfile"],
    "unit, alone": ["tests", "-m", "serial"],
    "notebook copies": [
        "--nbval",
        "--nbval-current-env",
        "--nbval-cell-timeout=3600",
        "--nbval-kernel-startup-timeout=600",
        "book/notebooks",
    ],
}


def main() -> int:
    started = time.perf_counter()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for number, (name, arguments) in enumerate(SUITES.items()):
            print(f"\n--- {name}: pytest {' '.join(arguments)}", flush=True)
            report = Path(folder, f"{number}.xml")
            rows.append((name, *_run(arguments, report)))
    passed = all(status == 0 for _, status, *_ in rows)
    print("\n--- summary")
    print(f"{'suite':22}{'passed':>8}{'failed':>8}{'skipped':>9}{'seconds':>9}")
    for name, status, counts, seconds in rows:
        text = "".join(f"{n:>{w}}" for n, w in zip(counts, (8, 8, 9), strict=True))
        note = "" if status == 0 else f"   pytest ended with status {status}"
        print(f"{name:22}{text}{seconds:9.0f}{note}")
    minutes = (time.perf_counter() - started) / 60
    print(f"\n{'ALL TESTS PASSED' if passed else 'TESTS FAILED'} in {minutes:.1f} minutes")
    return 0 if passed else 1


def _run(arguments: list[str], report: Path) -> tuple[int, tuple[int, int, int], float]:
    """Run pytest; return its status, (passed, failed, skipped) and its wall time in seconds."""
    command = [sys.executable, "-m", "pytest", "-q", "-rs", f"--junit-xml={report}", *arguments]
    started = time.perf_counter()
    status = subprocess.run(command, cwd=ROOT).returncode
    seconds = time.perf_counter() - started
    if not report.exists():
        return status, (0, 0, 0), seconds
    suite = ElementTree.parse(report).getroot().find("testsuite")
    total, failed, errors, skipped = (
        int(suite.get(key)) for key in ("tests", "failures", "errors", "skipped")
    )
    return status, (total - failed - errors - skipped, failed + errors, skipped), seconds


if __name__ == "__main__":
    sys.exit(main())
