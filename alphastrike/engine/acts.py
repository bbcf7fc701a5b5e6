"""What an operator does to the account: after a closed tick, never inside an instant."""

from dataclasses import dataclass

from alphastrike.engine.control import revoke_intervention
from alphastrike.engine.halting import flatten_by_operator, halt_by_operator, resume_by_operator
from alphastrike.engine.outputs import Out
from alphastrike.engine.state import State
from alphastrike.journal.inputs import OperatorAct
from alphastrike.model.compiled import Records


@dataclass(frozen=True, slots=True)
class Act:
    """One command of an operator."""

    act: OperatorAct
    number: int = 0
    """The intervention to revoke; 0 revokes all that are live."""
    author: str = ""


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
        case OperatorAct.OVERRIDE:
            raise AssertionError("an override is not an act on the account yet")
    return 0
