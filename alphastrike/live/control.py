"""The operator's port of a live run: requests over the socket become acts, replies come once they are durable."""

import asyncio
import contextlib
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Protocol

from alphastrike.journal.codes import HaltCause
from alphastrike.journal.inputs import OperatorAct
from alphastrike.live.address import Claim
from alphastrike.live.inbox import Done, OperatorCommand
from alphastrike.live.pinning import pinned
from alphastrike.live.status import ACCOUNT, HaltStatus, Status
from alphastrike.live.wire import (
    REQUEST_MAX,
    AskStatus,
    Flatten,
    Halt,
    Override,
    PinControl,
    Request,
    Resume,
    Revoke,
    encoded,
    request_of,
)
from alphastrike.model.errors import AlphaStrikeError, DataError
from alphastrike.model.units import MICROS_PER_HOUR
from alphastrike.policy.settings import is_model

CONNECTIONS_MAX: Final = 16
IDLE_S: Final = 600.0
"""A connection that says nothing for so long is hung up."""
LAST_WORDS_S: Final = 5.0
"""How long a run that ends waits for the replies still due."""
CODE_LENGTH: Final = 4
CODE_VALID_S: Final = 600.0

OPERATOR: Final = HaltCause.OPERATOR.name.lower()

# No 0 and O, no 1, I and L: the code is read from one line and typed into the next.
_LETTERS: Final = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"


class Commanded(Protocol):
    """A live run as its operator sees it."""

    def status(self) -> Status:
        """Return how things stand, all of it durable."""
        ...

    def submit(self, command: OperatorCommand) -> None:
        """Let a command be carried out; its reply is set once that is durable."""
        ...


@dataclass(frozen=True, slots=True)
class _Offer:
    """A code that lifts the halts it was given for, and no others."""

    code: str
    halts: list[HaltStatus]
    until: float


class Desk:
    """Carries out requests on one live run; remembers the one code that is valid now."""

    def __init__(self, live: Commanded) -> None:
        self._live = live
        self._offer: _Offer | None = None

    async def carry_out(self, request: Request) -> Mapping[str, Any]:
        """Return the facts of what was done, all of them durable.

        Raises:
            AlphaStrikeError: it cannot be done; the text says why and what to do.
        """
        match request:
            case AskStatus():
                return self._live.status()
            case Halt():
                return await self._halt(request)
            case Flatten():
                done = await self._act(OperatorAct.FLATTEN, request.author)
                return {**asdict(done), "orders": done.touched}
            case Revoke():
                return await self._revoke(request)
            case Override():
                return await self._override(request)
            case PinControl():
                return await self._pin(request)
            case Resume(code=None):
                return self._offer_code()
            case Resume():
                return await self._resume(request)

    async def _act(self, act: OperatorAct, author: str, number: int = 0, detail: str = "", symbol: int = -1) -> Done:
        command = OperatorCommand(act, author, symbol=symbol, number=number, detail=detail)
        self._live.submit(command)
        return await command.reply

    async def _halt(self, request: Halt) -> Mapping[str, Any]:
        # Whoever halts after a code was given has seen something that its holder has not.
        self._offer = None
        already = any(halt["cause"] == OPERATOR for halt in self._live.status()["halts"])
        done = await self._act(OperatorAct.HALT, request.author)
        facts = {**asdict(done), "already": already}
        if request.flatten:
            facts["orders"] = (await self._act(OperatorAct.FLATTEN, request.author)).touched
        return facts

    async def _revoke(self, request: Revoke) -> Mapping[str, Any]:
        live = sorted(one["number"] for one in self._live.status()["interventions"])
        if request.number is None and not live:
            return {"revoked": 0}
        if request.number is not None and request.number not in live:
            known = ", ".join(map(str, live)) or "none"
            raise DataError(f"no live intervention has the number {request.number}; live now: {known}.")
        done = await self._act(OperatorAct.REVOKE, request.author, request.number or 0)
        return {**asdict(done), "revoked": done.touched}

    async def _override(self, request: Override) -> Mapping[str, Any]:
        policy = self._live.status()["policy"]
        if not is_model(policy):
            raise DataError(f"the policy of this run is {policy}: it asks no model that could be kept out.")
        said = f"disable the model for {request.hours} h" if request.hours else "enable the model"
        done = await self._act(OperatorAct.OVERRIDE, request.author, request.hours, said)
        return {**asdict(done), "until": done.event_time + request.hours * MICROS_PER_HOUR}

    async def _pin(self, request: PinControl) -> Mapping[str, Any]:
        symbols = [line["symbol"] for line in self._live.status()["symbols"]]
        pin = pinned(request.tool, request.symbol, request.value, request.hours, symbols)
        done = await self._act(OperatorAct.PIN, request.author, pin.hours, pin.text, pin.symbol)
        if not done.touched:
            raise DataError("every place for an intervention is taken: revoke one first. The order is journaled.")
        return {**asdict(done), "until": done.event_time + pin.hours * MICROS_PER_HOUR}

    def _offer_code(self) -> Mapping[str, Any]:
        halts = _account_halts(self._live.status())
        if not halts:
            raise DataError("the account is not halted: there is nothing to resume.")
        if not _lifted_by_a_person(halts):
            standing = "; ".join(f"{halt['cause']}, lifted by {halt['clears']}" for halt in halts)
            raise DataError(f"no halt that stands is a person's to lift: {standing}.")
        code = "".join(secrets.choice(_LETTERS) for _ in range(CODE_LENGTH))
        self._offer = _Offer(code, halts, time.monotonic() + CODE_VALID_S)
        return {"code": code, "halts": halts, "valid_s": CODE_VALID_S}

    async def _resume(self, request: Resume) -> Mapping[str, Any]:
        # Taken back before it is looked at: a code is good for one try.
        offer, self._offer = self._offer, None
        again = "Ask for a new one with `alphastrike resume`."
        if offer is None or request.code is None:
            raise DataError(f"no code waits to be confirmed. {again}")
        if not secrets.compare_digest(offer.code, request.code.upper()):
            raise DataError(f"that is not the code that was given, which is void now. {again}")
        if time.monotonic() > offer.until:
            raise DataError(f"the code has expired after {CODE_VALID_S / 60:g} minutes. {again}")
        halts = _account_halts(self._live.status())
        if halts != offer.halts:
            raise DataError(f"what is halted has changed since the code was given. {again}")
        done = await self._act(OperatorAct.RESUME, request.author)
        return {
            **asdict(done),
            "lifted": _lifted_by_a_person(halts),
            "standing": _account_halts(self._live.status()),
        }


class Port:
    """Listens for the operator until it is closed."""

    def __init__(self, claim: Claim, live: Commanded) -> None:
        self._claim = claim
        self._desk = Desk(live)
        self._server: asyncio.Server | None = None
        self._talks: set[asyncio.Task[None]] = set()
        self._replies: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Begin to answer."""
        self._server = await asyncio.start_unix_server(self._welcome, sock=self._claim.listener, limit=REQUEST_MAX)

    async def close(self) -> None:
        """Let those hear whose act is being carried out, hang up on the others, and leave the place."""
        if self._server is not None:
            self._server.close()
        if self._replies:
            await asyncio.wait(self._replies, timeout=LAST_WORDS_S)
        for talk in tuple(self._talks):
            talk.cancel()
        await asyncio.gather(*self._talks, return_exceptions=True)
        self._claim.release()

    async def _welcome(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talk = asyncio.current_task()
        assert talk is not None
        self._talks.add(talk)
        try:
            if len(self._talks) > CONNECTIONS_MAX:
                await _send(writer, {"refused": f"{CONNECTIONS_MAX} operators talk to this run already: try again."})
            else:
                await self._converse(reader, writer)
        except (asyncio.CancelledError, ConnectionError):
            pass
        finally:
            self._talks.discard(talk)
            writer.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            try:
                line = await asyncio.wait_for(reader.readline(), IDLE_S)
            except ValueError:
                await _send(writer, {"refused": f"a request has at most {REQUEST_MAX} bytes."})
                return
            except TimeoutError:
                return
            if not line.endswith(b"\n"):
                return
            reply = asyncio.create_task(self._reply(line, writer))
            self._replies.add(reply)
            reply.add_done_callback(self._replies.discard)
            # What was begun is carried through even when its asker hangs up.
            await asyncio.shield(reply)

    async def _reply(self, line: bytes, writer: asyncio.StreamWriter) -> None:
        try:
            reply: dict[str, Any] = {"done": await self._desk.carry_out(request_of(line))}
        except AlphaStrikeError as trouble:
            reply = {"refused": str(trouble)}
        with contextlib.suppress(ConnectionError):
            await _send(writer, reply)


def _account_halts(status: Status) -> list[HaltStatus]:
    return [halt for halt in status["halts"] if halt["scope"] == ACCOUNT]


def _lifted_by_a_person(halts: Sequence[HaltStatus]) -> list[HaltStatus]:
    return [halt for halt in halts if halt["lifted_by"] == "person"]


async def _send(writer: asyncio.StreamWriter, reply: Mapping[str, Any]) -> None:
    writer.write(encoded(reply))
    await writer.drain()
