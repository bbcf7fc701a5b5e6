"""Statistics packages are loaded by those who draw blocks or compare many, and by nobody else."""

import json
import subprocess
import sys
from pathlib import Path

STATISTICS = {"scipy.stats", "arch", "statsmodels"}

SCRIPT = """
import json, sys
import numpy as np
import experiments.evidence, experiments.ledger, experiments.overfit, replay.together, replay.verdict
from replay.inference import cluster_interval, growth_interval, jackknife, simultaneous_band, window_interval, Bootstrap
from replay.inference import block_days

def loaded():
    return sorted(set(sys.modules) & {"scipy.stats", "arch", "statsmodels"})

chance = np.random.default_rng(1)
hours = chance.normal(0.0, 1.0, 168)
assert window_interval(hours) is not None
assert cluster_interval(hours, np.arange(168) // 4) is not None
assert growth_interval(hours / 100, hours / 200, Bootstrap(draws=50)) is not None
simultaneous_band(hours[:, None], np.arange(168), draws=50)
jackknife(np.arange(168), hours, hours)
before = loaded()
block_days([hours], 1.0)
print(json.dumps([before, loaded()]))
"""


def test_one_decision_is_judged_without_a_statistics_package(project: Path) -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], cwd=project, capture_output=True, text=True, check=True)
    before, after = json.loads(done.stdout)
    assert before == []
    # Otherwise the question above would be asked of the wrong process.
    assert set(after) == STATISTICS
