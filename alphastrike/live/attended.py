"""A live run with its operator's side: the port people talk to, and the state file it leaves for others to read."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from alphastrike.live.address import claim
from alphastrike.live.control import Port
from alphastrike.live.session import Session
from alphastrike.live.state_file import StateFile
from alphastrike.live.writer import Released


@asynccontextmanager
async def attended(root: Path, session: Session, tell: Callable[[str], None]) -> AsyncIterator[None]:
    """Listen to the operator of a data root and keep its state file while ``session``, already recovered, runs.

    ``tell`` hears how the state file found stands to the journal, and when it cannot be written.

    Raises:
        TryAgainError: another live run of this data root is at work.
    """
    port = Port(claim(root), session)
    try:
        before = session.status()
        kept = StateFile(root, before["run"])
        if session.stepper.now:
            tell(kept.compare(session.stepper.state, before["durable_seq"]))
        trouble = ""

        def keep(released: Released) -> None:
            nonlocal trouble
            kept.keep(session.stepper.state, released.seq)
            if kept.trouble != trouble:
                trouble = kept.trouble
                if trouble:
                    tell(trouble)

        session.on_release.append(keep)
        await port.open()
        yield
    finally:
        await port.close()
