"""`python -m parity.bench.memory`: the peak extra memory of every large call, both sides, in MiB, as JSON.

What is measured is resident memory: how far the process's peak (VmHWM of Linux, reset before the call) stands
above what it held before. It counts every page that is touched, by NumPy's allocator, torch's, BLAS or Python
alike, the output and the gradients included. Each call is made once before, so that what a library keeps for
good (thread buffers, code) is not counted; the allocator is told to hand every block above 64 KiB back at
once, or a second call would find the first one's memory still there. To be run in a process of its own.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

BLOCK = str(1 << 16)
ALLOCATOR = {"MALLOC_MMAP_THRESHOLD_": BLOCK, "MALLOC_TRIM_THRESHOLD_": BLOCK}
Peaks = dict[str, tuple[float, float]]


def peaks() -> Peaks:
    """(NumPy's, torch's) MiB by 'loss label', measured in another process; empty where there is no such counter."""
    if not Path("/proc/self/clear_refs").exists():
        return {}
    command = [sys.executable, "-m", "parity.bench.memory"]
    done = subprocess.run(command, env=os.environ | ALLOCATOR, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"memory could not be measured:\n{done.stderr}")
    return {name: (ours, theirs) for name, (ours, theirs) in json.loads(done.stdout).items()}


def extra(call: Callable[[], object]) -> float:
    """MiB of resident memory above the present, at the peak of the second of two calls."""
    call()
    Path("/proc/self/clear_refs").write_text("5")
    before = _status("VmRSS")
    kept = call()
    peak = _status("VmHWM")
    del kept
    return max(peak - before, 0) / 1024


def _status(field: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{field}:"))


def main() -> None:
    """Print the peaks as JSON."""
    from parity.bench.bare import Bare, Hand
    from parity.bench.inputs import large_calls

    measured: Peaks = {}
    for large in large_calls():
        sides = [side(large.loss, large.make(np.random.default_rng(0)), np.ones_like) for side in (Hand, Bare)]
        ours, theirs = (extra(side) for side in sides)
        measured[f"{large.loss} {large.label}"] = (ours, theirs)
    print(json.dumps(measured))


if __name__ == "__main__":
    main()
