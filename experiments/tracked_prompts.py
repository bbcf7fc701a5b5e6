"""Prompts that a tracked command used, in MLflow's prompt registry: one version a text."""

from collections.abc import Iterable, Sequence

from alphastrike.journal.reader import Run
from alphastrike.policy.llm.prompt import Prompt
from alphastrike.policy.settings import is_model
from experiments.tracking import Tracker


def prompts_of(run: Run, policies: Sequence[str] = ()) -> list[Prompt]:
    """Return the prompts with which a run's model was asked, then those of the policies that are a model now."""
    from alphastrike.policy.llm.composing import with_options
    from alphastrike.policy.llm.prompt import prompt_named
    from alphastrike.policy.llm.rows import prompt_of_row
    from alphastrike.runs.model_calls import CALLS
    from alphastrike.runs.recorder import recorded_settings

    found: dict[str, Prompt] = {}
    if is_model(run.manifest.policy):
        for row in run.rows(CALLS):
            if str(row["prompt_sha256"]) not in found:
                prompt = prompt_of_row(row)
                found[prompt.sha256] = prompt
    for policy in policies:
        if is_model(policy):
            typed = policy.strip().partition(":")[2].split(",")
            options = {key.strip(): value.strip() for key, _, value in (part.partition("=") for part in typed) if key}
            prompt = prompt_named(with_options(recorded_settings(run).llm, options).prompt)
            found[prompt.sha256] = prompt
    return list(found.values())


def log_prompts(tracker: Tracker, prompts: Iterable[Prompt]) -> dict[str, str]:
    """Put prompts into the registry and return the tags that name their versions there.

    A prompt's own version, which its file states, is a tag: nothing keeps its author from changing the text alone.
    """
    tags = {}
    for prompt in prompts:
        about = {"sha256": prompt.sha256, "stated_version": str(prompt.version)}
        version = tracker.prompt(prompt.name, prompt.template, about)
        tags[f"prompt/{prompt.name}/{prompt.sha256[:12]}"] = f"prompts:/{prompt.name}/{version}"
    return tags
