"""Everything that a few accounts did, as one text: for comparisons between processes. Run as a module, it prints it."""

import hashlib
import sys

import numpy as np

from alphastrike.engine.history import AccountRun
from alphastrike.policy.policies import Random
from tests.engine.worlds import eventful

SEEDS = (0, 1, 2, 3)
"""One a variant of the settings: cross margin, isolated, marks with ``on_open: close``, and a slow policy."""
TICKS = 200


def bits(run: AccountRun) -> dict[str, str]:
    """Return a digest of each part, so that a difference says where it is."""
    parts = {"state": run.state, **{kind: _bytes(rows) for kind, rows in run.tables.items()}}
    parts |= {f"checkpoint {one.situation}": one.state for one in run.checkpoints}
    return {name: hashlib.blake2b(part, digest_size=8).hexdigest() for name, part in parts.items()}


def _bytes(rows: np.ndarray) -> bytes:
    return repr(rows.tolist()).encode() if rows.dtype.hasobject else rows.tobytes()


def all_bits() -> dict[str, str]:
    """Return the digests of every seed's run."""
    found = {}
    for seed in SEEDS:
        for name, digest in bits(eventful(seed, TICKS).run(Random(seed))).items():
            found[f"{seed} {name}"] = digest
    return found


if __name__ == "__main__":
    for name, digest in all_bits().items():
        sys.stdout.write(f"{name}={digest}\n")
