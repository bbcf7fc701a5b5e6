"""What an operator does to the account: after a closed tick, never inside an instant."""

import json
from dataclasses import dataclass

from alphastrike.engine.control import apply_intervention, revoke_intervention
from alphastrike.engine.halting import flatten_by_operator, halt_by_operator, resume_by_operator
from alphastrike.engine.outputs import Out
from alphastrike.engine.state import State
from alphastrike.journal.codes import Tool
from alphastrike.journal.inputs import OperatorAct
from alphastrike.model.compiled import Records
from alphastrike.model.units import MICROS_PER_HOUR


@dataclass(frozen=True, slots=True)
class Pin:
    """A control that a person holds: an intervention of his own, that no policy asked for and none can loosen."""

    tool: Tool
    symbol: int
    """Id of the symbol; -1 for the whole account."""
    value: float
    """The tool's argument; 0 where it has none."""
    hours: int

    @property
    def text(self) -> str:
        """What the journal keeps beside the symbol."""
        return json.dumps({"tool": self.tool.name.lower(), "value": self.value, "hours": self.hours})


@dataclass(frozen=True, slots=True)
class Act:
    """One command of an operator."""

    act: OperatorAct
    number: int = 0
    """The intervention to revoke; 0 revokes all that are live."""
    author: str = ""
    pin: Pin | None = None


def act_of(act: int, symbol: int, number: int, author: str, detail: str) -> Act:
    """Return the act that a row of ``operator`` holds."""
    pin = None
    if act == OperatorAct.PIN:
        held = json.loads(detail)
        pin = Pin(Tool[held["tool"].upper()], symbol, float(held["value"]), int(held["hours"]))
    return Act(OperatorAct(act), number, author, pin)


def perform(act: Act, state: State, params: Records, out: Out, detail: int) -> int:
    """Carry out an act on the account and return how many orders or interventions it touched."""
    match act.act:
        case OperatorAct.HALT:
            halt_by_operator(state, out, detail)
        case OperatorAct.RESUME:
            resume_by_operator(state, out, detail)
        case OperatorAct.FLATTEN:
            return flatten_by_operator(state, out, detail)
        case OperatorAct.REVOKE:
            live = state.interventions["intervention"]
            numbers = [act.number] if act.number else sorted(int(number) for number in live[live != 0])
            return sum(bool(revoke_intervention(state, params, number, out, detail)) for number in numbers)
        case OperatorAct.PIN:
            assert act.pin is not None, "a pin holds something"
            expires = int(state.account[0].now) + act.pin.hours * MICROS_PER_HOUR
            tool, symbol, value = int(act.pin.tool), act.pin.symbol, act.pin.value
            return 1 if apply_intervention(state, params, 0, tool, symbol, value, expires, out, detail) else 0
        case OperatorAct.OVERRIDE:
            raise AssertionError("an override is about who is asked, not about the account")
    return 0
