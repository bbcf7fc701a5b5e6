"""Settings of the model: their bounds, and what is sent of them."""

import pytest
from pydantic import ValidationError

from alphastrike.config.resolve import resolve, validated
from alphastrike.model.errors import ConfigurationError
from alphastrike.policy.settings import LlmSettings


def test_every_option_that_moves_an_answer_is_sent() -> None:
    settings = LlmSettings(temperature=0.3, seed=11, top_k=20, num_ctx=8192, num_predict=99)
    assert settings.options == {
        "temperature": 0.3, "seed": 11, "top_k": 20, "top_p": 1.0, "repeat_penalty": 1.0, "num_ctx": 8192,
        "num_predict": 99,
    }  # fmt: skip


def test_they_are_set_like_any_other() -> None:
    settings = resolve(None, ["llm.model=llama3.2:3b", "llm.samples=5", "llm.latency_ms=900"])
    assert (settings.llm.model, settings.llm.samples, settings.llm.latency_ms) == ("llama3.2:3b", 5, 900)
    assert validated(settings.as_dict(), "a manifest") == settings
    with pytest.raises(ConfigurationError, match=r"unknown key llm\.modell\. Did you mean model\?"):
        resolve(None, ["llm.modell=x"])


@pytest.mark.parametrize(
    "wrong",
    [
        {"provider": "cloud"},
        {"url": "127.0.0.1:11434"},
        {"url": "http://name:secret@host"},
        {"url": "http://host/?key=secret"},
        {"model": ""},
        {"model": "two words"},
        {"model": "a,samples=5"},
        {"prompt": ""},
        {"temperature": 2.1},
        {"temperature": float("nan")},
        {"seed": -1},
        {"top_k": 0},
        {"num_ctx": 100},
        {"num_predict": 0},
        {"keep_alive": "for ever"},
        {"deadline_s": 0},
        {"samples": 0},
        {"samples": 100},
        {"retries": 4},
        {"api_key_env": "sk-live-123"},
        {"latency_ms": -1},
        {"api_key": "secret"},
    ],
)
def test_a_setting_out_of_bounds_or_unknown_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        LlmSettings.model_validate(wrong)


@pytest.mark.parametrize(
    ("temperature", "top_k", "differ"), [(0.0, 1, False), (0.7, 1, False), (0.0, 40, False), (0.7, 40, True)]
)
def test_samples_differ_only_where_something_is_drawn(temperature: float, top_k: int, differ: bool) -> None:
    assert LlmSettings(temperature=temperature, top_k=top_k).can_differ is differ
