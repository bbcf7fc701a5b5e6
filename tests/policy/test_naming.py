"""Policies by name: what is typed, what is made of it, and what is said when it is wrong."""

import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphastrike.model.errors import ConfigurationError
from alphastrike.policy.naming import policy_named
from alphastrike.policy.policies import UserPolicy, ask
from alphastrike.policy.tools import AdjustLeverage, NoAction
from tests.policy.facts import situation

LADDER = textwrap.dedent(
    '''
    from dataclasses import dataclass
    from typing import ClassVar

    from alphastrike.policy import AdjustLeverage, Advice, NoAction, Situation


    @dataclass(frozen=True, slots=True)
    class DrawdownLadder:
        """Caps leverage in tiers as the drawdown deepens: the rule an LLM has to beat."""

        name: ClassVar[str] = "drawdown-ladder"

        tiers: tuple[tuple[float, float], ...] = ((0.15, 1.0), (0.10, 2.0))
        """(drawdown at or beyond, leverage cap), deepest first."""
        life_hours: int = 24
        shout: bool = False
        note: str = ""

        def decide(self, situation: Situation) -> Advice:
            for drawdown, cap in self.tiers:
                if situation.drawdown >= drawdown:
                    reason = f"drawdown past {drawdown:.0%}"
                    return (AdjustLeverage(new_leverage=cap, reason=reason, ttl_hours=self.life_hours),)
            return (NoAction(reason="inside every tier"),)


    class Needy:
        def __init__(self, cap: float) -> None:
            if cap < 1:
                raise ValueError("cap is below 1")
            self.cap = cap

        def decide(self, situation: Situation) -> Advice:
            return (AdjustLeverage(new_leverage=self.cap, reason="always"),)


    class Silent:
        pass


    number = 3
    '''
)


@pytest.fixture
def ladder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The name of a user's module in the working directory."""
    (tmp_path / "my_policies.py").write_text(LADDER)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield "my_policies"
    sys.modules.pop("my_policies", None)


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("no-llm", "no-llm"),
        ("rules", "rules"),
        (" rules ", "rules"),
        ("random", "random:seed=0"),
        ("random:seed=007", "random:seed=7"),
        ("always:tool=disable_asset", "always:tool=disable_asset"),
        ("always:ttl_hours=48,multiplier=0.50,tool=adjust_position_size",
         "always:tool=adjust_position_size,multiplier=0.5,ttl_hours=48"),
        ("always:tool=adjust_leverage,new_leverage=2.0", "always:tool=adjust_leverage,new_leverage=2"),
        ("swap:to=disable_asset,from=adjust_position_size",
         "swap:from=adjust_position_size,to=disable_asset,of=rules"),
    ],
)  # fmt: skip
def test_a_policy_is_called_by_one_name(typed: str, name: str) -> None:
    assert policy_named(typed).name == name


tools = st.sampled_from(["disable_shorts", "no_action", "adjust_conviction", "adjust_leverage", "send_alert"])
specs = st.one_of(
    st.integers(0, 10**18 - 1).map("random:seed={}".format),
    st.floats(0.1, 1.0).map("always:tool=adjust_position_size,multiplier={!r}".format),
    st.floats(1.0, 10.0).map("always:tool=adjust_leverage,new_leverage={!r}".format),
    st.integers(1, 168).map("always:tool=disable_asset,duration_hours={}".format),
    st.tuples(tools, tools).map(lambda ends: "swap:from={},to={}".format(*ends)),
)


@given(specs)
def test_a_policy_s_name_names_the_same_policy(spec: str) -> None:
    policy = policy_named(spec)
    assert policy_named(policy.name) == policy
    assert policy_named(policy.name).name == policy.name


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("", "policy '' is unknown"),
        ("rulse", "policy 'rulse' is unknown; did you mean rules? Known: no-llm, recorded, rules, always, swap"),
        ("alwys:tool=no_action", "did you mean always?"),
        ("always", "policy always needs tool=TOOL. Tools: adjust_conviction,"),
        ("always:tool=disable_assets", "tool 'disable_assets' is unknown; did you mean disable_asset?"),
        ("always:tool=disable_asset,ttl_hours=3", "option 'ttl_hours' is unknown; did you mean duration_hours?"),
        ("always:tool=disable_shorts,symbol=BTCUSDT", "option 'symbol' is unknown. Known: ttl_hours."),
        ("always:tool=no_action,threshold=90", "option 'threshold' is unknown. It takes none."),
        ("always:tool=adjust_conviction,threshold=99", "threshold must be at most 95, was 99"),
        ("always:tool=adjust_conviction,threshold=85.5", "threshold=85.5 is not of the right type"),
        ("always:tool=adjust_leverage,new_leverage=nan", "new_leverage must be a finite number"),
        ("always:tool", "'tool' is not KEY=VALUE"),
        ("always:tool=no_action,tool=no_action", "tool is given twice"),
        ("swap:from=disable_asset", "policy swap needs to=TOOL"),
        ("swap:from=no_action,to=no_action,of=llm", "of=llm is unknown. Known: rules, recorded."),
        ("swap:from=no_action,to=no_action,of=recorded", "recorded needs a recorded run"),
        ("random:seed=-1", "seed=-1 is no whole number from 0"),
        ("random:seeds=1", "option 'seeds' is unknown; did you mean seed?"),
        ("rules:hours=3", "option 'hours' is unknown. It takes none."),
        ("recorded", "policy recorded needs a recorded run: use it with replay RUN."),
        ("no_such_module_anywhere:Ladder", "No module named 'no_such_module_anywhere'"),
        ("no/such/file.py:Ladder", "policy file no/such/file.py does not exist"),
    ],
)  # fmt: skip
def test_a_wrong_name_is_answered_with_what_is_known(typed: str, said: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        policy_named(typed)
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)


def test_policies_that_need_more_are_handed_in() -> None:
    made = policy_named(
        "oracle:horizon=7d", others={"oracle": lambda options: policy_named(f"random:seed={len(options)}")}
    )
    assert made.name == "random:seed=1"


@pytest.mark.parametrize(
    ("drawdown", "expected"),
    [
        (0.05, NoAction(reason="inside every tier")),
        (0.12, AdjustLeverage(new_leverage=2, reason="drawdown past 10%", ttl_hours=24)),
        (0.20, AdjustLeverage(new_leverage=1, reason="drawdown past 15%", ttl_hours=24)),
    ],
)
@pytest.mark.parametrize("suffix", ["", ".py"])
def test_a_user_s_class_answers_by_module_and_by_file(
    ladder: str, suffix: str, drawdown: float, expected: object
) -> None:
    policy = policy_named(f"{ladder}{suffix}:DrawdownLadder")
    answered = ask(policy, situation(drawdown=drawdown))
    assert (answered.advice, answered.failed) == ((expected,), "")


def test_a_user_s_class_takes_options_by_its_annotations(ladder: str) -> None:
    policy = policy_named(f"{ladder}:DrawdownLadder:note=calm,life_hours=048,shout=yes")
    assert isinstance(policy, UserPolicy)
    assert policy.name == f"{ladder}:DrawdownLadder:life_hours=48,shout=True,note=calm"
    assert (policy.inner.life_hours, policy.inner.shout, policy.inner.note) == (48, True, "calm")
    assert policy_named(policy.name) == policy


def test_a_user_s_file_may_lie_elsewhere(ladder: str, tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "own.py").write_text(LADDER)
    assert policy_named("deep/own.py:Needy:cap=2.5").decide(situation())[0].value == 2.5


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("Ladder", "the module has no class Ladder"),
        ("number", "the module has no class number"),
        ("Silent", "the class has no method decide(situation)"),
        ("Needy", "needs cap=…"),
        ("Needy:cap=high", "cap=high is not of type float"),
        ("Needy:cap=nan", "cap=nan must be a finite number"),
        ("Needy:cap=0.5", "cannot be made: ValueError: cap is below 1"),
        ("Needy:caps=2", "option 'caps' is unknown. Known: cap."),
        ("DrawdownLadder:life_hours=2.5", "life_hours=2.5 is not of type int"),
        ("DrawdownLadder:tiers=3", "tiers=3 is not of type"),
    ],
)
def test_a_user_s_class_that_does_not_fit_is_said_so(ladder: str, typed: str, said: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        policy_named(f"{ladder}:{typed}")
    assert said in str(raised.value)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("def broken(:\n", "SyntaxError"),
        ("import no_such_thing\n", "No module named 'no_such_thing'"),
        ("raise SystemExit(3)\n", "SystemExit"),
        ("1 / 0\n", "ZeroDivisionError"),
    ],
)
def test_a_user_s_module_that_cannot_be_loaded_is_one_line(tmp_path: Path, source: str, said: str) -> None:
    path = tmp_path / "broken.py"
    path.write_text(source)
    with pytest.raises(ConfigurationError) as raised:
        policy_named(f"{path}:Anything")
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)
