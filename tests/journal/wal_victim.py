"""A process that records the run of ``tests.journal.live`` and says what is durable; made to be killed or starved.

``python -m tests.journal.wal_victim FOLDER TICKS [LIMIT]`` says ``durable SEQ`` after every commit; LIMIT bytes is the
largest size that any of its files may reach.
"""

import resource
import signal
import sys
from pathlib import Path

from alphastrike.journal import database
from alphastrike.journal.wal import CommitFailed, LiveJournal
from tests.journal.live import EVENTS, begin, checkpoint, close, inputs_of, take_input

EVERY = 5
ROOM_PAGES = 16
DIED_OF_THE_DISK = 7


def main(folder: Path, ticks: int, limit: int) -> None:
    vars(database)["ROOM_PAGES"] = ROOM_PAGES
    journal = LiveJournal.open(folder) if folder.exists() else begin(folder)
    if limit:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    recovered = journal.recovery()
    # What a live run does: go on behind the last closed instant, with the events of the open one already taken.
    kinds = [one.kind for one in recovered.inputs]
    closed = len(kinds) - kinds[::-1].index("ticks") if "ticks" in kinds else 0
    seqs = [(one.seq, one.kind, int(one.row[1])) for one in recovered.inputs[closed:]]
    first = (journal.last_seq - len(seqs)) // EVENTS
    with journal:
        for tick in range(first, ticks):
            for kind, row in inputs_of(tick)[len(seqs) :]:
                seqs.append((take_input(journal, kind, row), kind, row[1]))
                if tick % 3 == 0:
                    _say(f"durable {journal.commit()}")
            close(journal, tick, seqs)
            seqs = []
            # Without room it is SQLite that must say so, not a segment.
            if tick % EVERY == EVERY - 1 and not limit:
                checkpoint(journal, tick)
            _say(f"durable {journal.commit()}")
        journal.finish(b"account", b"perception", "d" * 32, "complete")
        _say("finished")


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else 0)
    except CommitFailed as failure:
        _say(f"failed {failure}")
        sys.exit(DIED_OF_THE_DISK)
