"""Who works on what: leases on a study's lock and on its points, in the database that holds the study.

A lease is taken by one statement that succeeds for one taker alone, and runs out by the database's own clock: nobody
has to notice that a worker is gone, and no two machines' clocks need agree.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event, Thread
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from sqlalchemy import Engine, TextClause

LEASE_S: Final = 60.0
"""Seconds after which a worker that was not heard of is taken for lost."""
LOCK: Final = "asker"

_TABLE: Final = """
create table if not exists alphastrike_leases (
    study text not null,
    what text not null,
    holder text not null,
    expires double precision not null,
    taken integer not null,
    primary key (study, what)
)
"""
_NOW: Final = {
    "sqlite": "((julianday('now') - 2440587.5) * 86400.0)",
    "postgresql": "extract(epoch from clock_timestamp())",
}


@dataclass(frozen=True)
class Leases:
    """The leases of one study as one worker takes them."""

    engine: "Engine"
    study: str
    holder: str
    """Name of the worker: host, process and a number."""
    seconds: float = LEASE_S

    def prepare(self) -> None:
        """Make the table where there is none."""
        with self.engine.begin() as connection:
            connection.execute(_text(_TABLE))

    def take(self, what: str) -> bool:
        """Take a lease that is free, run out or one's own; tell whether it is one's own now."""
        now = _NOW[self.engine.dialect.name]
        statement = f"""
            insert into alphastrike_leases (study, what, holder, expires, taken)
            values (:study, :what, :holder, {now} + :seconds, 1)
            on conflict (study, what) do update
            set holder = excluded.holder, expires = excluded.expires, taken = alphastrike_leases.taken + 1
            where alphastrike_leases.expires < {now} or alphastrike_leases.holder = excluded.holder
        """
        with self.engine.begin() as connection:
            return bool(connection.execute(_text(statement), self._about(what)).rowcount == 1)

    @contextmanager
    def kept(self, what: str) -> Iterator[None]:
        """Renew a lease of one's own while the body runs: who works longer than a lease is not lost."""
        ended = Event()
        renewing = Thread(target=self._renew, args=(what, ended), daemon=True)
        renewing.start()
        try:
            yield
        finally:
            ended.set()
            renewing.join()

    def _renew(self, what: str, ended: Event) -> None:
        from sqlalchemy.exc import SQLAlchemyError

        while not ended.wait(self.seconds / 3.0):
            try:
                self.take(what)
            except SQLAlchemyError:
                # A lease that runs out costs a second evaluation of the same bits, and nothing else.
                continue

    def release(self, what: str) -> None:
        """Give a lease of one's own back."""
        statement = "delete from alphastrike_leases where study = :study and what = :what and holder = :holder"
        with self.engine.begin() as connection:
            connection.execute(_text(statement), self._about(what))

    def holders(self) -> dict[str, str]:
        """Return who holds what that has not run out."""
        now = _NOW[self.engine.dialect.name]
        statement = f"select what, holder from alphastrike_leases where study = :study and expires >= {now}"
        with self.engine.begin() as connection:
            return {str(what): str(holder) for what, holder in connection.execute(_text(statement), self._about(""))}

    def _about(self, what: str) -> dict[str, Any]:
        return {"study": self.study, "what": what, "holder": self.holder, "seconds": self.seconds}


def _text(statement: str) -> "TextClause":
    from sqlalchemy import text

    return text(statement)
