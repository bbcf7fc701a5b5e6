"""Is a server fit to be asked? Its identity, whether it keeps to the schema, and ten decisions on made-up cases."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from statistics import median
from typing import Final

from alphastrike.journal.codes import Rule
from alphastrike.model.controls import Controls
from alphastrike.model.forecast import Regime
from alphastrike.policy.llm.completion import Completion, Identity, Kind, Provider
from alphastrike.policy.llm.conversation import Conversation
from alphastrike.policy.llm.policy import Fetched, LlmPolicy
from alphastrike.policy.llm.prompt import prompt_named
from alphastrike.policy.llm.reading import read_answer
from alphastrike.policy.llm.request import CompletionRequest, Message
from alphastrike.policy.settings import LlmSettings
from alphastrike.policy.situation import Situation, SymbolReport

PROBES: Final = 10

_SYMBOLS: Final = ("BTCUSDT", "ETHUSDT", "SOLUSDT")
_BASELINE: Final = Controls(80.0, 1.0, 10.0, True, True)
_TEMPTATION: Final = (
    Message("system", "You are a friendly assistant. You answer in plain English and never write JSON."),
    Message("user", "Say hello and name a colour. Write no JSON, no brackets and no quotes."),
)


@dataclass(frozen=True, slots=True)
class Probe:
    """One decision."""

    rule: Rule
    symbol: str | None
    fault: str
    """Why its first answer could not be used, in words of ours; empty when it could."""
    drifts: tuple[tuple[str, int], ...]
    latency_us: int
    tokens: int


@dataclass(frozen=True, slots=True)
class Check:
    """What was found."""

    identity: Identity
    schema_is_enforced: bool | None
    """Whether an answer kept to the schema although its prompt asked for the opposite; ``None`` when there was none."""
    schema_fault: str
    """Why not, or why there was none, in words of ours."""
    probes: tuple[Probe, ...]

    @property
    def valid(self) -> int:
        """Probes that were answered with a usable call at once."""
        return sum(not probe.fault for probe in self.probes)

    @property
    def latency_median_us(self) -> float | None:
        """Of the probes that were answered."""
        took = [probe.latency_us for probe in self.probes if probe.tokens]
        return median(took) if took else None

    @property
    def latency_max_us(self) -> int | None:
        """Of the probes that were answered."""
        return max((probe.latency_us for probe in self.probes if probe.tokens), default=None)

    @property
    def is_healthy(self) -> bool:
        """Whether the model can be asked, keeps to the schema, and answered every probe with a usable call."""
        return not self.identity.error and self.schema_is_enforced is True and self.valid == PROBES == len(self.probes)


class _Direct:
    def __init__(self, provider: Provider) -> None:
        self._provider = provider

    def fetch(self, situation: Situation, request: CompletionRequest, deadline_s: float) -> Fetched:  # noqa: ARG002
        return Fetched(self._provider.complete(request, deadline_s), from_cache=False)


def check(
    provider: Provider, settings: LlmSettings, tell: Callable[[int, int], None] = lambda _done, _total: None
) -> Check:
    """Ask a server for its identity, once against its schema, and ten times for a decision.

    The first failure of the server ends the asking. Nothing is read from a store of earlier calls or written to one.

    Args:
        provider: who is asked.
        settings: model, prompt and options; one sample and no second attempt are made of each probe.
        tell: told how many probes are done.
    """
    once = settings.model_copy(update={"samples": 1, "retries": 0})
    identity = provider.identify(once.model)
    if identity.error:
        return Check(identity, None, identity.error, ())
    talks: list[Conversation] = []
    policy = LlmPolicy(
        "llm", once, prompt_named(once.prompt), identity, _Direct(provider), on_conversation=talks.append
    )
    situations = probe_situations()
    tempted = provider.complete(replace(policy.request_for(situations[0]), messages=_TEMPTATION), once.deadline_s)
    enforced, fault = _keeps_to_schema(tempted, situations[0], mask=once.mask)
    if tempted.kind is Kind.UNAVAILABLE:
        return Check(identity, None, fault, ())
    probes: list[Probe] = []
    for done, situation in enumerate(situations):
        tell(done, PROBES)
        policy.answer(situation)
        (attempt,) = talks[-1].attempts
        told = attempt.completion
        drifts = attempt.parsed.drifts if attempt.parsed is not None else ()
        tokens = told.prompt_tokens + told.answer_tokens
        probes.append(Probe(situation.rule, situation.symbol, attempt.fault, drifts, told.latency_us, tokens))
        if told.kind is Kind.UNAVAILABLE:
            break
    tell(PROBES, PROBES)
    return Check(identity, enforced, fault, tuple(probes))


def _keeps_to_schema(completion: Completion, situation: Situation, *, mask: bool) -> tuple[bool | None, str]:
    if completion.kind is not Kind.OK:
        return None, completion.error
    parsed = read_answer(completion.content, situation, mask=mask)
    if parsed.unreadable:
        return False, parsed.unreadable
    if parsed.rejections:
        return False, parsed.rejections[0].rejection
    if parsed.drifts or not parsed.entries:
        return False, f"spelled otherwise: {', '.join(rule for rule, _ in parsed.drifts) or 'no call'}"
    return True, ""


def probe_situations() -> tuple[Situation, ...]:
    """Return ten situations as triggers ask about them, from mild to grave, of symbols and of the account."""
    made = []
    for place in range(PROBES):
        rule = (Rule.LOSS_STREAK, Rule.DRAWDOWN, Rule.WIN_RATE)[place % 3]
        symbol = None if place % 4 == 3 else _SYMBOLS[place % 3]
        drawdown = 0.02 + 0.03 * place
        value = {Rule.LOSS_STREAK: 5.0 + place // 3, Rule.DRAWDOWN: 0.15 + 0.01 * place, Rule.WIN_RATE: 0.39}[rule]
        threshold = {Rule.LOSS_STREAK: 5.0, Rule.DRAWDOWN: 0.15, Rule.WIN_RATE: 0.40}[rule]
        reports = tuple(_report(name, number, symbol, place) for number, name in enumerate(_SYMBOLS))
        worst = min(reports, key=lambda report: report.recent_pnl)
        made.append(
            Situation(
                market_seq=1_000 * (place + 1),
                event_time=1_700_000_000_000_000,
                situation=place + 1,
                symbol=symbol,
                rule=rule,
                value=value,
                threshold=threshold,
                deadline=1_700_000_060_000_000,
                equity=100_000.0 * (1.0 - drawdown),
                drawdown=drawdown,
                win_rate=0.45 - 0.02 * place,
                win_loss_ratio=1.4 - 0.05 * place,
                trades=30 + place,
                loss_streak=2 + place // 2,
                leverage=5.0 - 0.2 * place,
                exposure=60_000.0,
                volatility=0.02 + 0.004 * place,
                halted=False,
                live_interventions=0,
                worst_symbol=worst.symbol,
                worst_symbol_pnl=worst.recent_pnl,
                reports=reports,
                live=(),
                baseline=_BASELINE,
            )
        )
    return tuple(made)


def _report(name: str, number: int, focus: str | None, place: int) -> SymbolReport:
    is_focus = name == focus
    side = 1.0 if (number + place) % 2 == 0 else -1.0
    return SymbolReport(
        symbol=name,
        symbol_id=number,
        quantity=side * 2.0,
        notional=side * 20_000.0,
        unrealised_pnl=-150.0 * (place + 1) if is_focus else 80.0,
        recent_pnl=-400.0 * (place + 1) if is_focus else 120.0 - 30.0 * number,
        win_rate=0.30 if is_focus else 0.50,
        trades=20,
        loss_streak=5 if is_focus else 1,
        drawdown=0.04 * (1 + place % 5) if is_focus else 0.01,
        direction=int(side),
        conviction=82.0 + number,
        volatility=0.025 + 0.005 * number,
        regime=Regime.RANGE,
        conviction_floor=_BASELINE.conviction_floor,
        size_multiplier=1.0,
        shorts_allowed=True,
        asset_enabled=True,
    )
