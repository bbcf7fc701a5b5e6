"""On what the bench ran: without it a figure says little."""

import os
import platform
from datetime import UTC, datetime
from typing import Any

from alphastrike.runs.environment import machine, versions


def facts() -> dict[str, Any]:
    """Return the machine, its load at this moment, and the versions of everything that matters."""
    return {
        "measured": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "machine": machine() | {"kernel": platform.release()},
        "cores": len(os.sched_getaffinity(0)),
        "load": [round(load, 2) for load in os.getloadavg()],
        "versions": versions(),
    }
