"""Workers are processes on one PostgreSQL: killed, frozen or late, the study comes to what one undisturbed comes to."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from alphastrike.model.errors import ConfigurationError
from experiments.leases import LOCK
from experiments.study import Done, Study
from tests.experiments.postgres import postgres
from tests.experiments.studied import facts, make_run, objective_of

WAIT_S = 300.0


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with postgres() as address:
        yield address


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_run(tmp_path_factory.mktemp("studied"))


@pytest.fixture(scope="module")
def undisturbed(root: Path) -> list[Done]:
    """One worker on SQLite."""
    study = Study.create(f"sqlite:///{root}/studies.db", facts("alone"))
    study.work(objective_of(root))
    return study.done()


class Worker:
    """A process that works on a study, ended by its own number whatever happens."""

    def __init__(self, url: str, name: str, root: Path, *switches: str) -> None:
        command = [sys.executable, "-m", "tests.experiments.studied", url, name, str(root), *switches]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]
        )
        self.done: list[int] = []

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        for stream in (self.process.stdin, self.process.stdout):
            assert stream is not None
            stream.close()
        self.process.wait()

    def until(self, word: str) -> None:
        """Read what the worker says until it says this."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            said, *place = line.split()
            self.done += [int(each) for each in place]
            if said == word:
                return
        raise AssertionError(f"the worker ended with {self.process.wait()} before it said {word!r}")

    def end(self) -> None:
        """Read the rest; the worker must end well."""
        assert self.process.stdout is not None
        self.done += [int(line.split()[1]) for line in self.process.stdout if line.startswith("done")]
        assert self.process.wait(WAIT_S) == 0

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        assert self.process.wait() == -signal.SIGKILL


def test_a_study_on_postgresql_is_the_one_on_sqlite(url: str, root: Path, undisturbed: list[Done]) -> None:
    study = Study.create(url, facts("one"))
    study.work(objective_of(root))
    _assert_same(study, undisturbed)
    assert study._leases().holders().keys() == {f"point {place}" for place in range(20)}
    with pytest.raises(ConfigurationError, match="is there already"):
        Study.create(url, facts("one"))


def test_a_worker_killed_in_the_middle_changes_nothing(url: str, root: Path, undisturbed: list[Done]) -> None:
    study = Study.create(url, facts("killed worker"))
    with (
        Worker(url, "killed worker", root, "--stall-in-point", "4") as lost,
        Worker(url, "killed worker", root) as stays,
    ):
        lost.until("hanging")
        lost.kill()
        assert len(lost.done) == 3
        stays.end()
        with Worker(url, "killed worker", root) as late:
            late.end()
    assert sorted(lost.done + stays.done) == list(range(20))
    assert late.done == []
    _assert_same(study, undisturbed)


def test_an_asker_killed_while_it_holds_the_lock_is_followed_by_another(
    url: str, root: Path, undisturbed: list[Done]
) -> None:
    study = Study.create(url, facts("killed asker"))
    with Worker(url, "killed asker", root, "--stall-in-asking", "11", "--lease", "5") as lost:
        lost.until("hanging")
        assert LOCK in study._leases().holders()
        lost.kill()
        assert sorted(study._trials()) == list(range(11))
    with Worker(url, "killed asker", root) as other:
        other.end()
    assert other.done == list(range(8, 20))
    _assert_same(study, undisturbed)


@pytest.mark.slow
def test_an_asker_that_slept_longer_than_its_lease_adds_nothing_that_counts(
    url: str, root: Path, undisturbed: list[Done]
) -> None:
    study = Study.create(url, facts("late asker"))
    with Worker(url, "late asker", root, "--stall-in-asking", "11", "--lease", "1") as late:
        late.until("hanging")
        with Worker(url, "late asker", root) as other:
            other.end()
        assert late.process.stdin is not None
        late.process.stdin.close()  # it wakes up and adds the rest of its batch
        late.end()
    assert len(study._study.trials) == 20 + 5
    assert sorted(late.done + other.done) == list(range(20))
    _assert_same(study, undisturbed)


@pytest.mark.slow
def test_more_points_at_once_are_another_study_that_is_as_reproducible(url: str, root: Path) -> None:
    wide = facts("wide", trials=32, at_once=16)
    study = Study.create(url, wide)
    with Worker(url, "wide", root) as one, Worker(url, "wide", root) as two:
        one.end()
        two.end()
    assert sorted(one.done + two.done) == list(range(32))
    alone = Study.create(f"sqlite:///{root}/wide.db", wide)
    alone.work(objective_of(root))
    _assert_same(study, alone.done())
    with pytest.raises(ConfigurationError, match="was made with at_once 16, now it is 8"):
        Study.create(url, facts("wide", trials=32), resume=True)


def test_a_database_that_cannot_be_reached_is_named_without_its_password() -> None:
    with pytest.raises(ConfigurationError, match=r"postgresql://me:\*\*\*@127.0.0.1:1/x cannot be used") as refused:
        Study.open("postgresql://me:secret@127.0.0.1:1/x", "any")
    assert "secret" not in str(refused.value)
    with pytest.raises(ConfigurationError, match="is named as sqlite:///FILE or postgresql"):
        Study.open("nonsense", "any")


def _assert_same(study: Study, undisturbed: list[Done]) -> None:
    """The same trials, bit for bit, each once, and so the same best."""
    done = study.done()
    assert [one.place for one in done] == list(range(len(undisturbed)))
    for mine, other in zip(done, undisturbed, strict=True):
        assert mine.trial.values == other.trial.values
        assert mine.value == other.value
        assert np.array_equal(mine.trial.differences, other.trial.differences)
        assert np.array_equal(mine.trial.asked, other.trial.asked)
    assert {one.value is None for one in done} >= {False}
