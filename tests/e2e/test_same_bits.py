"""One market, one digest: whatever the hash seed, the number of threads, or whether the code is compiled."""

import pytest

from tests.e2e.conftest import Terminal

SHORT = ("--symbols", "BTCUSDT,ETHUSDT", "--days", "60", "--interval", "1h", "--seed", "5")


@pytest.fixture(scope="module")
def digest(terminal: Terminal) -> str:
    terminal.expect("simulate", "--name", "short", *SHORT)
    terminal.expect("record", "short", "--policy", "rules", "--name", "reference")
    return str(terminal.expect("runs", "--json").json[0]["digest"])


@pytest.mark.parametrize(
    ("name", "threads", "environment"),
    [
        ("hash-seed-0-one-thread", "1", {"PYTHONHASHSEED": "0"}),
        ("hash-seed-1-two-threads", "2", {"PYTHONHASHSEED": "1"}),
        ("uncompiled", "1", {"NUMBA_DISABLE_JIT": "1", "PYTHONHASHSEED": "2"}),
    ],
)
def test_the_digest_does_not_depend_on(
    name: str, threads: str, environment: dict[str, str], digest: str, terminal: Terminal
) -> None:
    terminal.expect(
        "record", "short", "--recompute", "--policy", "rules", "--name", name, "--threads", threads,
        environment=environment,
    )  # fmt: skip
    newest = terminal.expect("runs", "--json").json[0]
    assert (newest["name"], newest["digest"]) == (name, digest)


def test_the_market_itself_is_the_same_from_the_same_seed(digest: str, terminal: Terminal) -> None:
    assert digest
    terminal.expect("simulate", "--name", "again", *SHORT, environment={"PYTHONHASHSEED": "3"})
    hashes = {market["name"]: market["content_hash"] for market in terminal.expect("markets", "--json").json}
    assert hashes["again"] == hashes["short"]
