"""Putting a model behind the name ``llm``: the one place where settings, server and store of calls meet."""

from collections.abc import Callable, Mapping
from pathlib import Path

from alphastrike.config.settings import Settings
from alphastrike.policy.naming import Maker, Options
from alphastrike.policy.policies import Policy
from alphastrike.policy.settings import MODEL, CacheMode


def models(
    root: Path, cache: str = CacheMode.USE, tell: Callable[[str], None] = lambda _: None, *, asks_again: bool = False
) -> Callable[[Settings], Mapping[str, Maker]]:
    """Return what makes a model's policy under the settings of a run.

    Args:
        root: the data root, under which the store of calls lies.
        cache: ``off``, ``use`` or ``only``.
        tell: told in one line when the model cannot be asked.
        asks_again: whether one that cannot be asked is looked for again at every situation.
    """

    def under(settings: Settings) -> Mapping[str, Maker]:
        def made(options: Options) -> Policy:
            from alphastrike.policy.llm.composing import model_policy

            return model_policy(
                options,
                settings.llm,
                root,
                mode=CacheMode(cache),
                ttl_hours=settings.policy.ttl_hours,
                on_failure=settings.policy.on_failure,
                tell=tell,
                asks_again=asks_again,
            )

        return {MODEL: made}

    return under
