"""The operator's port over real sockets, and what each command does to a real engine."""

import json
import os
import select
import signal
import socket
import stat
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from alphastrike.cli.main import main
from alphastrike.journal.inputs import OperatorAct
from alphastrike.live.address import PATH_MAX, claim, socket_place, state_folder
from alphastrike.live.client import Line, ask, author
from alphastrike.live.control import CONNECTIONS_MAX
from alphastrike.live.wire import (
    REQUEST_MAX,
    AskStatus,
    Flatten,
    Halt,
    PinControl,
    RefusedError,
    Resume,
    Revoke,
    encoded,
)
from alphastrike.model.errors import ConfigurationError, TryAgainError
from alphastrike.model.units import MICROS_PER_HOUR
from tests.live.standing import AFTER, ENTRIES, Standing, listening


@pytest.fixture
def live(data_root: Path) -> Iterator[Standing]:
    """A live run that listens for the test's data root."""
    standing = Standing()
    with listening(data_root, standing):
        yield standing


def connected(root: Path) -> socket.socket:
    line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    line.settimeout(10)
    line.connect(os.fspath(socket_place(root)))
    return line


def said(root: Path, data: bytes) -> bytes:
    with connected(root) as line:
        line.sendall(data)
        line.shutdown(socket.SHUT_WR)
        return line.makefile("rb").readline()


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


# Where it listens


def test_only_the_owner_enters_the_folder_and_uses_the_socket(data_root: Path, live: Standing) -> None:
    place = state_folder(data_root) / "live.sock"
    assert mode(place.parent) == 0o700
    assert mode(place) == 0o600


def test_a_folder_that_others_could_enter_is_closed_to_them(data_root: Path) -> None:
    state_folder(data_root).mkdir(mode=0o755)
    claim(data_root).release()
    assert mode(state_folder(data_root)) == 0o700


def test_a_second_live_run_of_the_data_root_is_refused_in_one_line(data_root: Path, live: Standing) -> None:
    with pytest.raises(TryAgainError, match=r"a live run of .* is at work already: look with `alphastrike status`"):
        claim(data_root)
    assert ask(data_root, AskStatus(author="x"))["run"] == "standing"


def test_the_socket_is_gone_after_the_run(data_root: Path) -> None:
    with listening(data_root, Standing()):
        pass
    assert not (state_folder(data_root) / "live.sock").exists()
    claim(data_root).release()


@pytest.mark.parametrize("depth", [1, 9], ids=["a short path", "a path too long for a socket"])
def test_what_a_killed_process_left_is_replaced(data_root: Path, depth: int) -> None:
    root = data_root.joinpath(*["a-folder-with-a-long-name"] * depth)
    root.mkdir(parents=True)
    held = subprocess.Popen(
        [sys.executable, "-c", _HOLDS, os.fspath(root)], stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]
    )
    assert held.stdout is not None
    assert held.stdout.readline() == b"listens\n"
    stale = socket_place(root)
    held.send_signal(signal.SIGKILL)
    held.wait()
    assert stale.is_socket()
    with pytest.raises(TryAgainError, match=r"no live run of .* is at work"):
        ask(root, AskStatus(author="x"))
    with listening(root, Standing()):
        assert ask(root, AskStatus(author="x"))["run"] == "standing"
    assert not stale.exists()


_HOLDS = textwrap.dedent("""
    import sys, time
    from pathlib import Path
    from alphastrike.live.address import claim
    held = claim(Path(sys.argv[1]))
    print("listens", flush=True)
    time.sleep(600)
""")


def test_a_path_too_long_for_a_socket_gets_a_short_one_that_the_state_folder_points_to(data_root: Path) -> None:
    root = data_root / ("x" * PATH_MAX)
    with listening(root, Standing()):
        place = state_folder(root) / "live.sock"
        assert place.is_symlink()
        assert len(os.fsencode(socket_place(root))) <= PATH_MAX
        assert mode(socket_place(root).parent) == 0o700
        assert mode(socket_place(root)) == 0o600
        assert ask(root, AskStatus(author="x"))["run"] == "standing"
        short = socket_place(root).parent
    assert not place.is_symlink()
    assert not short.exists()


def test_what_is_no_socket_is_never_removed(data_root: Path) -> None:
    place = state_folder(data_root) / "live.sock"
    place.parent.mkdir()
    place.write_text("notes")
    with pytest.raises(ConfigurationError, match="is not a socket: move it away"):
        claim(data_root)
    assert place.read_text() == "notes"
    place.unlink()
    claim(data_root).release()


def test_a_link_to_somewhere_else_is_taken_away_without_its_target(data_root: Path, tmp_path: Path) -> None:
    target = tmp_path / "precious" / "live.sock"
    target.parent.mkdir()
    target.write_text("keep")
    state_folder(data_root).mkdir()
    (state_folder(data_root) / "live.sock").symlink_to(target)
    claim(data_root).release()
    assert target.read_text() == "keep"


# What is said


@pytest.mark.parametrize(
    ("sent", "refused"),
    [
        (b"halt\n", "not a request: Invalid JSON"),
        (b"{}\n", "not a request: Unable to extract tag"),
        (b"[" * (REQUEST_MAX - 1) + b"\n", "not a request: Invalid JSON: recursion limit"),
        (b"\xff\xfe\n", "not a request: Invalid JSON"),
        (b'{"request":"sell","author":"x"}\n', "not a request: Input tag 'sell'"),
        (b'{"request":"halt"}\n', "not a request: halt.author: Field required"),
        (b'{"request":"halt","author":""}\n', "not a request: halt.author"),
        (b'{"request":"halt","author":"a\\nb"}\n', "not a request: halt.author"),
        (b'{"request":"halt","author":"x","flatten":"yes"}\n', "not a request: halt.flatten"),
        (b'{"request":"halt","author":"x","force":true}\n', "not a request: halt.force: Extra inputs"),
        (b'{"request":"revoke","author":"x","number":0}\n', "not a request: revoke.number"),
        (b'{"request":"revoke","author":"x","number":1.5}\n', "not a request: revoke.number"),
        (b'{"request":"halt","author":"' + b"x" * REQUEST_MAX + b'"}\n', f"a request has at most {REQUEST_MAX} bytes"),
        (b"x" * (4 * REQUEST_MAX), f"a request has at most {REQUEST_MAX} bytes"),
    ],
)
def test_what_is_no_request_is_refused_and_changes_nothing(
    data_root: Path, live: Standing, sent: bytes, refused: str
) -> None:
    before = live.stepper.digest()
    assert json.loads(said(data_root, sent))["refused"].startswith(refused)
    assert live.commands == []
    assert live.stepper.digest() == before


def test_half_a_request_is_no_request(data_root: Path, live: Standing) -> None:
    assert said(data_root, encoded(Halt(author="x"))[:-1]) == b""
    assert live.commands == []


def test_several_requests_over_one_connection_are_answered_in_turn(data_root: Path, live: Standing) -> None:
    with connected(data_root) as line:
        line.sendall(encoded(Halt(author="x")) + b"rubbish\n" + encoded(AskStatus(author="x")))
        replies = line.makefile("rb")
        assert json.loads(replies.readline())["done"]["already"] is False
        assert "refused" in json.loads(replies.readline())
        assert json.loads(replies.readline())["done"]["halts"][0]["cause"] == "operator"


def test_more_operators_than_there_is_room_for_are_told_so(data_root: Path, live: Standing) -> None:
    lines = [Line(data_root) for _ in range(CONNECTIONS_MAX)]
    assert [line.ask(AskStatus(author="x"))["pid"] for line in lines] == [1] * CONNECTIONS_MAX
    with Line(data_root) as one_more, pytest.raises(RefusedError, match="talk to this run already: try again"):
        one_more.ask(AskStatus(author="x"))
    with Line(data_root) as late:
        _wait_for_hang_up(late)
        with pytest.raises(RefusedError, match="talk to this run already: try again"):
            late.ask(AskStatus(author="x"))
    lines.pop().close()
    for line in lines:
        line.close()


def _wait_for_hang_up(line: Line) -> None:
    """Wait until the other side has said its last word."""
    hung_up = select.poll()
    hung_up.register(line._socket, select.POLLHUP)
    assert hung_up.poll(60_000)


def test_the_reply_comes_only_after_the_act(data_root: Path, live: Standing) -> None:
    live.holds.clear()
    done: list[object] = []
    asker = threading.Thread(target=lambda: done.append(ask(data_root, Halt(author="x"))))
    asker.start()
    asker.join(0.2)
    assert asker.is_alive()
    assert done == []
    live.holds.set()
    asker.join(10)
    assert len(done) == 1


def test_an_act_is_carried_through_when_its_asker_hangs_up(data_root: Path, live: Standing) -> None:
    live.holds.clear()
    with connected(data_root) as line:
        line.sendall(encoded(Halt(author="x")))
        while not live.commands:
            pass
    live.holds.set()
    with Line(data_root) as line_two:
        while not line_two.ask(AskStatus(author="x"))["halts"]:
            pass
    assert live.stepper.state.account[0].operator_halt == 1


def test_without_a_live_run_every_command_says_so_in_one_line_and_exits_2(
    data_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for command in (["status"], ["status", "--watch"], ["halt"], ["resume"], ["flatten"], ["revoke", "1"]):
        assert main([*command, "--data", str(data_root)]) == 2
        told = capsys.readouterr()
        assert told.out == ""
        assert told.err == f"error: no live run of {data_root} is at work: start one with `alphastrike live`.\n"


# What each command does


def test_a_halt_is_the_authors_and_stops_new_risk(data_root: Path, live: Standing) -> None:
    unhindered = Standing()
    unhindered.step(AFTER)
    assert set(unhindered.submitted) & ENTRIES, "nothing would have entered anyway: the test would show nothing"
    done = ask(data_root, Halt(author="ada"))
    assert (done["already"], done["event_time"]) == (False, live.stepper.now)
    assert [(command.act, command.author) for command in live.commands] == [(OperatorAct.HALT, "ada")]
    live.step(AFTER)
    found = ask(data_root, AskStatus(author="x"))
    assert [halt["cause"] for halt in found["halts"] if halt["scope"] == "account"] == ["operator"]
    assert live.submitted
    assert not set(live.submitted) & ENTRIES


def test_halting_twice_is_once(data_root: Path, live: Standing) -> None:
    ask(data_root, Halt(author="x"))
    digest = live.stepper.digest()
    again = ask(data_root, Halt(author="x"))
    assert (again["already"], again["changed"]) == (True, 0)
    assert live.stepper.digest() == digest


def test_halt_and_flatten_closes_by_orders_that_only_reduce_and_nothing_enters_again(
    data_root: Path, live: Standing
) -> None:
    held = {symbol["symbol"]: symbol["quantity"] for symbol in live.status()["symbols"] if symbol["quantity"]}
    assert held
    done = ask(data_root, Halt(author="x", flatten=True))
    assert done["orders"] == len(held)
    ordered = {symbol["symbol"]: symbol["order"] for symbol in live.status()["symbols"] if symbol["order"]}
    assert ordered == {name: -quantity for name, quantity in held.items()}
    live.step(AFTER)
    assert [symbol["quantity"] for symbol in live.status()["symbols"]] == [0.0] * 3
    assert not set(live.submitted) & ENTRIES


def test_flattening_twice_is_harmless(data_root: Path, live: Standing) -> None:
    first = ask(data_root, Flatten(author="x"))
    digest = live.stepper.digest()
    second = ask(data_root, Flatten(author="x"))
    assert first["orders"] > 0
    assert second["orders"] == 0
    assert live.stepper.digest() == digest
    live.step(1)
    assert [symbol["quantity"] for symbol in live.status()["symbols"]] == [0.0] * 3


def test_resuming_needs_the_code_that_was_given(data_root: Path, live: Standing) -> None:
    ask(data_root, Halt(author="ada"))
    offer = ask(data_root, Resume(author="bob"))
    assert [halt["cause"] for halt in offer["halts"]] == ["operator"]
    assert live.stepper.state.account[0].operator_halt == 1
    done = ask(data_root, Resume(author="bob", code=offer["code"].lower()))
    assert [halt["cause"] for halt in done["lifted"]] == ["operator"]
    assert done["standing"] == []
    assert live.stepper.state.account[0].operator_halt == 0
    assert live.commands[-1].author == "bob"


def test_a_code_is_good_for_one_try_and_only_for_what_was_shown(data_root: Path, live: Standing) -> None:
    with pytest.raises(RefusedError, match="there is nothing to resume"):
        ask(data_root, Resume(author="x"))
    with pytest.raises(RefusedError, match="no code waits"):
        ask(data_root, Resume(author="x", code="ABCD"))
    ask(data_root, Halt(author="x"))
    code = ask(data_root, Resume(author="x"))["code"]
    with pytest.raises(RefusedError, match="not the code that was given, which is void now"):
        ask(data_root, Resume(author="x", code="0000"))
    with pytest.raises(RefusedError, match="no code waits"):
        ask(data_root, Resume(author="x", code=code))
    code = ask(data_root, Resume(author="x"))["code"]
    ask(data_root, Halt(author="another"))
    with pytest.raises(RefusedError, match="no code waits"):
        ask(data_root, Resume(author="x", code=code))
    code = ask(data_root, Resume(author="x"))["code"]
    live.stepper.state.account[0].daily_halt = 1
    with pytest.raises(RefusedError, match="what is halted has changed"):
        ask(data_root, Resume(author="x", code=code))
    assert live.stepper.state.account[0].operator_halt == 1


def test_a_halt_that_no_person_lifts_is_named_with_what_lifts_it(data_root: Path, live: Standing) -> None:
    live.stepper.state.account[0].daily_halt = 1
    with pytest.raises(RefusedError, match="daily_loss, lifted by the next UTC day"):
        ask(data_root, Resume(author="x"))


def test_an_intervention_is_revoked_by_its_number(data_root: Path, live: Standing) -> None:
    numbers = [one["number"] for one in live.status()["interventions"]]
    assert len(numbers) == 2
    assert ask(data_root, Revoke(author="x", number=numbers[0]))["revoked"] == 1
    assert [one["number"] for one in live.status()["interventions"]] == numbers[1:]
    with pytest.raises(
        RefusedError, match=rf"no live intervention has the number {numbers[0]}; live now: {numbers[1]}"
    ):
        ask(data_root, Revoke(author="x", number=numbers[0]))
    assert ask(data_root, Revoke(author="x", number=None))["revoked"] == 1
    assert ask(data_root, Revoke(author="x", number=None))["revoked"] == 0


def pin(tool: str, symbol: str | None = None, value: float | None = None, hours: int = 24) -> PinControl:
    return PinControl(author="x", tool=tool, symbol=symbol, value=value, hours=hours)


def test_a_pinned_control_holds_until_its_time_is_over(data_root: Path, live: Standing) -> None:
    ask(data_root, Revoke(author="x", number=None))
    done = ask(data_root, pin("adjust_position_size", "ETHUSDT", 0.3, hours=3))
    assert done["until"] == live.stepper.now + 3 * MICROS_PER_HOUR
    sizes = {line["symbol"]: line["size_multiplier"] for line in live.status()["symbols"]}
    assert sizes == {"BTCUSDT": 1.0, "ETHUSDT": 0.3, "SOLUSDT": 1.0}
    live.step(4)
    assert all(line["size_multiplier"] == 1.0 for line in live.status()["symbols"])


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (pin("no_action"), "no_action sets no control. Known: adjust_conviction"),
        (pin("disable_shorts"), "disable_shorts needs a --symbol"),
        (pin("adjust_leverage", "BTCUSDT", 2.0), "adjust_leverage needs no --symbol"),
        (pin("adjust_position_size", "XRPUSDT", 0.5), "does not know XRPUSDT. Known: BTCUSDT"),
        (pin("adjust_position_size", "BTCUSDT"), "needs a --value, its multiplier"),
        (pin("disable_shorts", "BTCUSDT", 1.0), "disable_shorts needs no --value"),
        (pin("adjust_position_size", "BTCUSDT", 3.0), "adjust_position_size: "),
        (pin("disable_asset", "BTCUSDT", hours=500), "disable_asset: "),
    ],
)
def test_a_pin_that_the_palette_does_not_allow_is_refused(
    asked: PinControl, said: str, data_root: Path, live: Standing
) -> None:
    with pytest.raises(RefusedError, match=said):
        ask(data_root, asked)
    assert live.commands == []


# The commands


def test_the_commands_say_what_was_done(data_root: Path, live: Standing, capsys: pytest.CaptureFixture[str]) -> None:
    def told(*command: str) -> str:
        assert main([*command, "--data", str(data_root)]) == 0
        return capsys.readouterr().out

    assert told("halt").startswith("Halted: no new risk after 2024-")
    assert told("halt", "--flatten").startswith("Halted already: no new risk after ")
    assert told("flatten").startswith("Nothing left to close after ")
    assert "HALTED account: operator, until a person resumes" in told("status")
    assert json.loads(told("status", "--json"))["halts"][0]["lifted_by"] == "person"
    offered = told("resume")
    assert offered.startswith("Halted: account: operator, until a person resumes\nNothing is lifted yet.")
    code = offered.rstrip().rpartition(" ")[2]
    assert told("resume", "--confirm", code).startswith("Lifted operator (account), seq ")
    assert told("revoke", "all") == "Revoked 2 interventions.\n"
    assert told("revoke", "all") == "No intervention was live.\n"
    assert {command.author for command in live.commands} == {author()}


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (["revoke", "7"], "error: no live intervention has the number 7; live now: "),
        (["revoke", "-1"], "error: "),
        (["revoke", "some"], "error: an intervention has a number from 1, got 'some': give one, or `all`.\n"),
        (["resume"], "error: the account is not halted: there is nothing to resume.\n"),
        (["resume", "--confirm", "A B"], "error: 'A B' is not a code: run `alphastrike resume`"),
        (["resume", "--confirm", "ABCD"], "error: no code waits to be confirmed."),
    ],
)
def test_what_cannot_be_done_is_one_line_and_exit_2(
    data_root: Path, live: Standing, capsys: pytest.CaptureFixture[str], command: list[str], told: str
) -> None:
    assert main([*command, "--data", str(data_root)]) == 2
    heard = capsys.readouterr()
    assert heard.err.startswith(told)
    assert heard.err.count("\n") == 1
    assert live.commands == []
