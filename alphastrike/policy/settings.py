"""Settings of the language model: which one is asked, where, with which words and options. Free of any client."""

from enum import StrEnum
from typing import Annotated, Final, Literal

from annotated_types import Ge, Gt, Le
from pydantic import BaseModel, ConfigDict, Field

MODEL: Final = "llm"
"""Name of the policy that asks a model."""


def is_model(policy: str) -> bool:
    """Return whether a policy, as named on the command line, asks a model."""
    return policy.strip().partition(":")[0] == MODEL


class CacheMode(StrEnum):
    """What recorded answers are good for."""

    OFF = "off"
    """Every call is made anew; the store is neither read nor written."""
    USE = "use"
    """What was recorded is not asked again."""
    ONLY = "only"
    """Nothing is asked: what was not recorded is an error."""


class LlmSettings(BaseModel):
    """The model behind ``--policy llm``. A policy's own options, as ``llm:model=…``, are laid over these."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    provider: Literal["ollama", "openai"] = Field(
        default="ollama", description="Wire that the server speaks: Ollama's own, or that of OpenAI's chat completions."
    )
    url: Annotated[str, Field(pattern=r"^https?://[^\s/?#@]+(/[^\s?#]*)?$", max_length=200)] = Field(
        default="http://127.0.0.1:11434", description="Where the server listens; never with a name and password in it."
    )
    model: Annotated[str, Field(pattern=r"^[^\s,=]{1,200}$")] = Field(
        default="qwen2.5:1.5b", description="Name of the model on that server."
    )
    prompt: Annotated[str, Field(min_length=1, max_length=500)] = Field(
        default="breaker", description="Name of a prompt that comes with the package, or the path of one's own file."
    )
    temperature: Annotated[float, Ge(0), Le(2)] = Field(default=0.0, description="0 always takes the likeliest token.")
    seed: Annotated[int, Ge(0), Le(2**31 - 1_000)] = Field(
        default=7, description="Of the server's draws; sample k is asked with seed + k."
    )
    top_k: Annotated[int, Ge(1), Le(1_000)] = Field(default=1, description="Likeliest tokens that may be drawn.")
    num_ctx: Annotated[int, Ge(512), Le(131_072)] = Field(default=4096, description="Tokens of the model's context.")
    num_predict: Annotated[int, Ge(1), Le(4096)] = Field(
        default=512, description="Tokens after which an answer is cut off, and with it unusable."
    )
    keep_alive: Annotated[str, Field(pattern=r"^-?[0-9]{1,9}(ms|s|m|h)?$")] = Field(
        default="24h", description="How long the server keeps the model loaded after a question."
    )
    deadline_s: Annotated[float, Gt(0), Le(3_600)] = Field(
        default=60.0, description="Total time for one situation, all samples and attempts; then the answer has failed."
    )
    samples: Annotated[int, Ge(1), Le(99)] = Field(
        default=1, description="Answers to one situation, of which the commonest is taken."
    )
    retries: Annotated[int, Ge(0), Le(3)] = Field(
        default=1, description="Further attempts of a sample after an unusable answer, told what was wrong."
    )
    mask: bool = Field(default=False, description="Whether the prompt calls symbols by neutral labels.")
    allow_remote: bool = Field(
        default=False, description="Whether a report may leave this machine, to a server or model elsewhere."
    )
    api_key_env: Annotated[str, Field(pattern=r"^([A-Za-z_][A-Za-z0-9_]{0,99})?$")] = Field(
        default="", description="Name of the environment variable that holds the server's key; never the key itself."
    )
    latency_ms: Annotated[int, Ge(0)] | None = Field(
        default=None, description="Market time an answer takes, stated instead of measured."
    )

    @property
    def options(self) -> dict[str, int | float | str | bool]:
        """Every sampling option that is sent, by Ollama's names; none is left to a server's default."""
        return {
            "temperature": self.temperature,
            "seed": self.seed,
            "top_k": self.top_k,
            "top_p": 1.0,
            "repeat_penalty": 1.0,
            "num_ctx": self.num_ctx,
            "num_predict": self.num_predict,
        }

    @property
    def can_differ(self) -> bool:
        """Whether two samples may be drawn differently at all."""
        return self.temperature > 0 and self.top_k > 1
