"""The engine stepped through a stored market into a live journal, in one loop without a shell."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from alphastrike.config.resolve import resolve
from alphastrike.config.settings import Settings
from alphastrike.engine.acts import Act, act_of
from alphastrike.engine.advice import Answer, AskedPolicy
from alphastrike.engine.stepping import Stepped, Stepper
from alphastrike.journal.kinds import KINDS
from alphastrike.journal.manifest import Manifest, MarketReference, RunFacts
from alphastrike.journal.wal import LiveJournal
from alphastrike.market.building import market_of, tick_of
from alphastrike.market.columns import EVENT_TABLES
from alphastrike.market.market import Market
from alphastrike.market.store import open_tables
from alphastrike.policy.naming import policy_named
from alphastrike.policy.policies import Answered
from alphastrike.policy.recorded_answers import answer_text
from alphastrike.policy.situation import Situation
from alphastrike.runs.environment import machine, versions
from alphastrike.runs.registry import runs_folder
from tests.engine.instants import instant_at

LIVELY = resolve(
    None,
    ["perception.conviction.minimum_days=2", "perception.conviction.window_days=7", "account.triggers.losses=1"],
)
"""Settings under which a month is enough for trades, situations and interventions."""

LATER = 250_000
"""Microseconds from an event to its arrival."""


@dataclass
class Played:
    """A live run under way."""

    root: Path
    name: str
    policy: str = "rules"
    settings: Settings = LIVELY
    shadow: bool = False
    waits: bool = True
    acts: Mapping[int, Sequence[Act]] = field(default_factory=dict)
    """By tick after which they are done."""
    answers: Mapping[int, Answered] = field(default_factory=dict)
    """By tick after which they come, to the oldest situation that waits; with ``waits`` off."""
    every: int = 500
    """Ticks between checkpoints."""
    tick: int = 0

    def __post_init__(self) -> None:
        manifest, tables = open_tables(self.root, "small")
        self.market: Market = market_of(manifest.name, manifest.content_hash, tables)
        self._events = [_by_tick(tables, name) for name in EVENT_TABLES]
        self._unanswered: list[Situation] = []
        folder = runs_folder(self.root) / self.name
        if folder.exists():
            self.journal = LiveJournal.open(folder)
        else:
            self.journal = LiveJournal.create(
                folder, self._facts(), self.market.interval, self.market.instruments, self.market.tiers,
                shadow=self.shadow, sources=["assumed"] * len(self.market.symbols),
            )  # fmt: skip
        policy = policy_named(self.policy, guardian=self.settings.policy.guardian)
        answer: Answer = AskedPolicy(policy, self.settings.policy.latency_us)
        self.stepper = Stepper(
            self.market.symbols, self.market.interval, self.market.instruments, self.market.tiers, self.settings,
            answer, shadow=self.shadow, waits=self.waits,
        )  # fmt: skip
        self._recover()

    def to(self, tick: int) -> "Played":
        """Play up to a tick, that one not included."""
        while self.tick < tick:
            self._play_one()
        return self

    def end(self) -> Manifest:
        """End the run as its feed's end does."""
        account, perception = self.stepper.states()
        return self.journal.finish(account, perception, self.stepper.digest(), "complete")

    def _play_one(self) -> None:
        numbers: dict[int, int] = {}
        for name, events in zip(EVENT_TABLES, self._events, strict=True):
            for row in events.get(self.tick, ()):
                numbers[self.journal.append_input(name, row, row[0] + LATER)] = (
                    self.stepper.market_seq + len(numbers) + 1
                )
        now = int(self.market.tick_times[self.tick])
        self.journal.append_input("ticks", (now,), now + LATER)
        self.journal.close_instant(numbers, self.stepper.market_seq + len(numbers) + 1)
        self._journal(self._step())
        for act in self.acts.get(self.tick, ()):
            symbol, detail = (-1, "") if act.pin is None else (act.pin.symbol, act.pin.text)
            self.journal.append_input("operator", (now, int(act.act), symbol, act.number, act.author, detail), now)
            self._journal(self.stepper.operate(act))
        if self.tick in self.answers and self._unanswered:
            self._answer(self._unanswered.pop(0), self.answers[self.tick], now)
        if self.tick % self.every == self.every - 1 and self.stepper.can_checkpoint:
            self.journal.checkpoint(self.stepper.checkpoint(), now, self.stepper.market_seq)
        self.journal.commit()
        self.tick += 1

    def _step(self) -> Stepped:
        stepped = self.stepper.step(instant_at(self.market, self.tick))
        self._unanswered += [] if self.waits else list(stepped.asked)
        return stepped

    def _journal(self, stepped: Stepped) -> None:
        self.journal.append_derived(stepped.rows)
        self.journal.append_situations(stepped.checkpoints)

    def _answer(self, asked: Situation, answered: Answered, now: int) -> None:
        # It acts when it came: after the last tick, however short a time it took.
        answered = replace(answered, latency_us=max(answered.latency_us, now - asked.event_time + 1))
        situation = asked.situation
        row = (now, str(situation), answer_text(answered), answered.latency_us, 0, "", 1, 1.0, 0.0)
        self.journal.append_input("llm_answers", row, now)
        self._journal(self.stepper.take_answer(situation, answered))

    def _recover(self) -> None:
        recovered = self.journal.recovery()
        if recovered.checkpoint is not None:
            self.stepper.restore(recovered.checkpoint)
            self.tick = (recovered.checkpoint_time - self.market.start) // self.market.interval + 1
        for one in recovered.inputs:
            if one.kind == "ticks":
                self.journal.check_again(self._step().rows)
                self.tick += 1
            elif one.kind == "operator":
                act = act_of(*one.row[1:])
                assert act in [known for acts in self.acts.values() for known in acts]
                self.journal.check_again(self.stepper.operate(act).rows)

    def _facts(self) -> RunFacts:
        return RunFacts(
            name=self.name,
            created=datetime.now(UTC),
            market=MarketReference(name=self.market.name, content_hash=self.market.content_hash),
            policy=self.policy,
            seed=0,
            settings=self.settings.as_dict(),
            versions=versions(),
            machine=machine(),
            symbols=tuple(self.market.symbols),
            digest="",
            account_digest="",
            perception_digest="",
        )


def _by_tick(tables: Any, name: str) -> dict[int, list[tuple[Any, ...]]]:
    columns = tables.columns[name]
    rows = list(zip(*(np.asarray(columns[column.name]).tolist() for column in KINDS[name].columns), strict=True))
    found: dict[int, list[tuple[Any, ...]]] = {}
    for tick, row in sorted(zip(tick_of(tables, columns["event_time"]).tolist(), rows, strict=True), key=_by_symbol):
        found.setdefault(tick, []).append(row)
    return found


def _by_symbol(one: tuple[int, tuple[Any, ...]]) -> tuple[int, int]:
    return one[0], one[1][1]
