"""The peak of a block of work counts what it starts, however far below."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from contracts.engine_jobs import hold_below

from erazoo.engine.child import RESET_PEAK
from erazoo.engine.peak import PeakMemory


def test_what_a_block_starts_counts_also_once_it_is_gone() -> None:
    Path("/proc/self/clear_refs").write_text(RESET_PEAK)
    with PeakMemory() as before:
        pass
    with PeakMemory() as peak:
        assert hold_below(400, seconds=1.5) == 0
    assert 400 < peak.mb - before.mb < 600


def test_what_this_process_held_counts_however_short() -> None:
    words = (
        "from erazoo.engine.peak import PeakMemory\n"
        "with PeakMemory() as peak: held = b'x' * (300 << 20); del held\n"
        "print(peak.mb)"
    )
    done = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True)
    assert 300 < float(done.stdout) < 450, done.stderr
