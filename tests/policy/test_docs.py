"""The manual's page on policies says what the code does."""

import re
from pathlib import Path

import pytest

from alphastrike.policy.faults import Fault
from alphastrike.policy.naming import policy_named
from alphastrike.policy.normalise import DRIFTS
from alphastrike.policy.policies import ask
from alphastrike.policy.tools import TOOL_NAMES
from tests.policy.facts import situation

PAGE = (Path(__file__).parents[2] / "docs" / "policies.md").read_text()


@pytest.mark.parametrize("word", [*DRIFTS, *TOOL_NAMES, *Fault])
def test_the_page_names_every_tool_label_and_rule(word: str) -> None:
    assert f"`{word}`" in PAGE


@pytest.mark.parametrize(("drawdown", "value"), [(0.05, 0.0), (0.12, 0.0), (0.16, 1.0)])
def test_the_page_s_own_policy_runs_as_it_says(tmp_path: Path, drawdown: float, value: float) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    path = tmp_path / "my_policies.py"
    path.write_text(example)
    policy = policy_named(f"{path}:Ladder:at=0.15,cap=1")
    answered = ask(policy, situation(drawdown=drawdown))
    assert [call.value for call in answered.advice] == [value]
