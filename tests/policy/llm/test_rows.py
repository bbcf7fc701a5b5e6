"""Calls as rows of the journal: any bytes become text that comes back as the same bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphastrike.journal.calls import CallOutcome
from alphastrike.model.errors import DataError
from alphastrike.policy.llm.completion import Kind
from alphastrike.policy.llm.rows import bytes_of, text_of


@given(st.binary() | st.text().map(str.encode) | st.just(b"base64:") | st.just(b"base64:AAAA"))
def test_bytes_come_back_from_their_text(data: bytes) -> None:
    text = text_of(data)
    assert bytes_of(text) == data
    text.encode("utf-8")


def test_readable_bytes_stay_readable() -> None:
    assert text_of(b'{"content":"\xe2\x9c\x93"}') == '{"content":"✓"}'
    assert text_of(b"\xff\x00") == "base64:/wA="


def test_what_is_no_such_text_is_refused() -> None:
    with pytest.raises(DataError, match="recorded bytes cannot be read"):
        bytes_of("base64:???")


def test_the_journal_and_the_wire_number_outcomes_alike() -> None:
    assert [(one.name, one.value) for one in CallOutcome] == [(one.name, one.value) for one in Kind]
