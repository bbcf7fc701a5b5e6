"""``alphastrike prompt``: what a model would be sent."""

from typing import Annotated

import typer

from alphastrike.cli.options import DATA, Config, Data, Json, Set

prompt = typer.Typer(help="Look at prompts before a model is sent one.", no_args_is_help=True)


@prompt.command("show")
def show(
    run: Annotated[str, typer.Argument(metavar="RUN", help="Name or folder of any recorded run.")],
    situation: Annotated[
        int, typer.Option("--situation", metavar="N", min=1, help="Number of the situation; the first is 1.")
    ] = 1,
    prompt: Annotated[
        str | None,
        typer.Option(
            "--prompt", metavar="PROMPT", help="Name of a prompt, or your own file: llm.prompt.", show_default=False
        ),
    ] = None,
    mask: Annotated[bool, typer.Option("--mask", help="Call symbols by neutral labels: llm.mask.")] = False,
    schema: Annotated[bool, typer.Option("--schema", help="Print the answer's schema too.")] = False,
    config: Config = None,
    overrides: Set = None,
    data: Data = DATA,
    as_json: Json = False,
) -> None:
    """Print the messages that a model would be sent about a situation of RUN. Nothing is sent.

    With --json also schema and options. Exits 0.
    """
    import json

    from alphastrike.cli.console import print_json, say, say_inside
    from alphastrike.config.resolve import resolve
    from alphastrike.policy.llm.policy import Wording
    from alphastrike.policy.llm.prompt import prompt_named
    from alphastrike.runs.registry import open_run
    from alphastrike.runs.transcript import situation_named

    settings = resolve(config, overrides or []).llm
    chosen = prompt_named(prompt or settings.prompt)
    asked = situation_named(open_run(data, run), situation)
    messages, answer = Wording(chosen, settings.mask or mask).messages(asked)
    if as_json:
        print_json(
            {
                "run": run,
                "situation": situation,
                "prompt": {"name": chosen.name, "version": chosen.version, "sha256": chosen.sha256},
                "masked": settings.mask or mask,
                "messages": [{"role": message.role, "content": message.content} for message in messages],
                "schema": answer,
                "model": settings.model,
                "options": settings.options,
            }
        )
        return
    say(f"prompt {chosen.label}, situation {situation} of {run}")
    for message in messages:
        say_inside(f"[{message.role}]\n{message.content}", 0)
    if schema:
        say("[schema]")
        say(json.dumps(answer))
