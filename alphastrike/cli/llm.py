"""``alphastrike llm``: is the model's server fit to be asked, and what did a run and its model say to each other?"""

from typing import TYPE_CHECKING, Annotated, Final

import typer

from alphastrike.cli.options import DATA, Config, Data, Json, LlmCache, Quiet, Set

if TYPE_CHECKING:
    from pathlib import Path

    from alphastrike.journal.reader import Run
    from alphastrike.policy.llm.probes import Check
    from alphastrike.policy.settings import LlmSettings
    from alphastrike.runs.transcript import Call, Compared, Told

UNFIT: Final = 2

llm = typer.Typer(help="Look at the language model: its server, and its part in a run.", no_args_is_help=True)


@llm.command("check")
def check(
    model: Annotated[
        str | None, typer.Option("--model", metavar="MODEL", help="Model to check: llm.model.", show_default=False)
    ] = None,
    url: Annotated[
        str | None, typer.Option("--url", metavar="URL", help="Where its server listens: llm.url.", show_default=False)
    ] = None,
    config: Config = None,
    overrides: Set = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Ask the server who the model is, try its schema, and let it decide ten made-up situations.

    Nothing is recorded, and recorded answers are not used. Exits 0 when the model is fit to be asked, 2 otherwise.
    """
    from alphastrike.cli.console import print_json
    from alphastrike.cli.progress import progress_bars
    from alphastrike.config.resolve import resolve
    from alphastrike.policy.llm.composing import provider_of
    from alphastrike.policy.llm.probes import check as check_model

    own = [f"llm.{key}={value}" for key, value in (("model", model), ("url", url)) if value is not None]
    settings = resolve(config, [*(overrides or []), *own]).llm
    with progress_bars(quiet or as_json) as progress:
        found = check_model(provider_of(settings), settings, lambda done, total: progress("ask", done, total))
    if as_json:
        print_json(
            {
                "healthy": found.is_healthy,
                "provider": settings.provider,
                "url": settings.url,
                "model": settings.model,
                "prompt": settings.prompt,
                "server_version": found.identity.server_version,
                "digest": found.identity.digest,
                "remote": found.identity.is_remote,
                "error": found.identity.error,
                "schema_enforced": found.schema_is_enforced,
                "schema_fault": found.schema_fault,
                "valid": found.valid,
                "probes": [
                    {
                        "rule": probe.rule.name.lower(),
                        "symbol": probe.symbol,
                        "fault": probe.fault,
                        "drifts": dict(probe.drifts),
                        "latency_us": probe.latency_us,
                        "tokens": probe.tokens,
                    }
                    for probe in found.probes
                ],
                "latency_median_us": found.latency_median_us,
                "latency_max_us": found.latency_max_us,
                "deadline_s": settings.deadline_s,
            }
        )
    else:
        _print_check(found, settings)
    raise typer.Exit(0 if found.is_healthy else UNFIT)


def _print_check(found: "Check", settings: "LlmSettings") -> None:
    from collections import Counter

    from alphastrike.cli.console import say, say_inside
    from alphastrike.policy.llm.probes import PROBES

    identity = found.identity
    if identity.error:
        label, _, sentence = identity.error.partition(": ")
        is_there = label in {"model_missing", "remote"}
        say_inside(
            f"server   {settings.provider} at {settings.url}: {'reachable' if is_there else 'cannot be used'}", 0
        )
        say_inside(f"model    {settings.model}: {'cannot be used' if is_there else 'not asked'}", 0)
        say(f"not fit: {sentence}")
        return
    version = f" {identity.server_version}" if identity.server_version else ""
    say_inside(f"server   {settings.provider}{version} at {settings.url}: reachable", 0)
    where = "on another machine" if identity.is_remote else "on this machine"
    say_inside(f"model    {settings.model}: present, digest {identity.digest[:24]}, {where}", 0)
    enforced = {True: "enforced", False: "not enforced", None: "not known"}[found.schema_is_enforced]
    say_inside(f"schema   {enforced}" + (f" ({found.schema_fault})" if found.schema_fault else ""), 0)
    say_inside(f"probes   {found.valid} of {PROBES} decisions valid (prompt {settings.prompt})", 0)
    for fault, count in Counter(probe.fault for probe in found.probes if probe.fault).most_common():
        say_inside(f"{count} × {fault}", 9)
    drifts: Counter[str] = Counter()
    for probe in found.probes:
        drifts.update(dict(probe.drifts))
    if drifts:
        say_inside(f"drifts   {', '.join(f'{count} × {rule}' for rule, count in drifts.most_common())}", 0)
    if found.latency_median_us is not None and found.latency_max_us is not None:
        tokens = sum(probe.tokens for probe in found.probes) // max(
            1, sum(bool(probe.tokens) for probe in found.probes)
        )
        say_inside(
            f"latency  median {found.latency_median_us / 1e6:.2f} s, longest {found.latency_max_us / 1e6:.2f} s, "
            f"{tokens:,} tokens each (deadline {settings.deadline_s:g} s)",
            0,
        )
    if found.is_healthy:
        say("fit: record with --policy llm")
    elif found.schema_is_enforced is False and found.valid == PROBES:
        say("not fit: the server does not keep answers to the schema. Expect answers to fail.")
    else:
        say("not fit: answers that cannot be used are given by policy.on_failure instead.")


@llm.command("transcript")
def transcript(
    run: Annotated[str, typer.Argument(metavar="RUN", help="Name or folder of a recorded run.")],
    situation: Annotated[
        int | None,
        typer.Option(
            "--situation", metavar="N", min=1, help="Only this one, with the whole prompt.", show_default="all"
        ),
    ] = None,
    compare_mask: Annotated[
        bool,
        typer.Option("--compare-mask", help="Ask with the other masking too, and count how often both say the same."),
    ] = False,
    llm_cache: LlmCache = "use",
    data: Data = DATA,
    as_json: Json = False,
) -> None:
    """Show what RUN's model was asked and answered, and what became of it.

    With --compare-mask every situation is put to the model again with symbols masked, or unmasked if RUN masked them;
    recorded answers are used. Exits 0 when everything could be shown.
    """
    from alphastrike.cli.console import print_json, say
    from alphastrike.policy.settings import is_model
    from alphastrike.runs.model_facts import facts_of
    from alphastrike.runs.registry import open_run
    from alphastrike.runs.transcript import transcript as transcript_of

    opened = open_run(data, run)
    if not is_model(opened.manifest.policy):
        from alphastrike.model.errors import ConfigurationError

        raise ConfigurationError(
            f"run {opened.name!r} asked no model: its policy is {opened.manifest.policy}. Record one with --policy llm."
        )
    told = transcript_of(opened, situation)
    facts = facts_of(opened)
    compared = _compared(opened, data, llm_cache) if compare_mask else None
    if as_json:
        print_json(
            {"run": opened.name, "policy": opened.manifest.policy, "facts": facts, "masks": compared, "told": told}
        )
        return
    for one in told:
        _print_told(one, whole=situation is not None)
    say(facts.line())
    if compared is not None:
        _print_compared(compared)


def _compared(opened: "Run", data: "Path", llm_cache: str) -> "Compared":
    from alphastrike.cli.console import note
    from alphastrike.policy.llm.composing import model_policy
    from alphastrike.policy.settings import CacheMode
    from alphastrike.runs.model_calls import model_settings
    from alphastrike.runs.recorder import recorded_settings
    from alphastrike.runs.transcript import compare_masks

    settings = recorded_settings(opened)
    own = model_settings(opened, settings)
    flipped = own.model_copy(update={"mask": not own.mask})
    other = model_policy({}, flipped, data, mode=CacheMode(llm_cache), ttl_hours=settings.policy.ttl_hours, tell=note)
    return compare_masks(opened, other)


def _print_compared(compared: "Compared") -> None:
    from alphastrike.cli.console import say

    share = f" ({100.0 * compared.agree / compared.situations:.0f} %)" if compared.situations else ""
    say(
        f"Masked and unmasked answers make the same calls in {compared.agree:,} of {compared.situations:,} situations"
        f"{share}; {compared.unusable:,} without a usable answer one way or the other"
    )


def _print_told(told: "Told", *, whole: bool) -> None:
    from datetime import UTC, datetime

    from alphastrike.cli.console import say, say_inside

    moment = datetime.fromtimestamp(told.event_time / 1e6, tz=UTC)
    say(f"Situation {told.situation}: {told.rule} of {told.symbol or 'the account'}, {moment:%Y-%m-%d %H:%M} UTC")
    for call in told.calls:
        _print_call(call, whole=whole)
    if told.failed:
        say_inside(f"failed: {told.failed}; answered by {told.answered_by}" + (", late" if told.late else ""))
    for made in told.verdicts:
        value = f" {made.value:g}" if made.value else ""
        rejection = f": {made.rejection}" if made.rejection else ""
        say_inside(f"{made.verdict}: {made.tool} {made.symbol or 'account'}{value} – {made.reason}{rejection}")
    drifts = f", drifts {', '.join(f'{n} × {rule}' for rule, n in told.drifts.items())}" if told.drifts else ""
    agreement = ""
    if told.samples > 1:
        agreement = (
            f", {100.0 * told.modal_share:.0f} % of {told.samples} samples agree (entropy {told.entropy:.2f} bits)"
        )
    if told.calls:
        say_inside(f"{told.latency_s:.2f} s, {told.tokens:,} tokens{drifts}{agreement}")


def _print_call(call: "Call", *, whole: bool) -> None:
    from alphastrike.cli.console import say_inside

    if whole:
        for role, text in call.messages:
            say_inside(f"[{role}]\n{text}")
    place = f"sample {call.sample}, attempt {call.attempt}" if call.sample or call.attempt else call.model
    origin = "recorded before" if call.from_cache else f"{call.latency_s:.2f} s"
    say_inside(f"[{place}: {call.outcome}, {origin}]" + (f" {call.fault}" if call.fault else ""))
    if call.content:
        say_inside(call.content)
