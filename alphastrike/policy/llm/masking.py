"""Which symbols a prompt shows, and what they are called there: by their names, or by neutral labels.

A model may remember what a market did; a label keeps it from knowing which market it looks at.
"""

import hashlib
import re
from dataclasses import dataclass
from typing import Final

from alphastrike.model.errors import DataError
from alphastrike.policy.situation import Situation, SymbolReport

SYMBOLS_MAX: Final = 8
"""Symbols of a prompt: more would fill a small model's context."""

_SYMBOL: Final = re.compile(r"[A-Z0-9]{2,20}")
_LABEL: Final = re.compile(r"\bA[1-9][0-9]?\b")


@dataclass(frozen=True, slots=True)
class Names:
    """The symbols of one prompt, each with its name there."""

    pairs: tuple[tuple[str, str], ...]
    """(name, symbol) in the order in which the prompt lists them."""
    masked: bool

    @property
    def names(self) -> tuple[str, ...]:
        """The names alone, in order."""
        return tuple(name for name, _ in self.pairs)

    def name_of(self, symbol: str) -> str | None:
        """Return what the symbol is called; ``None`` when the prompt does not show it."""
        return next((name for name, shown in self.pairs if shown == symbol), None)

    def symbol_of(self, name: str) -> str | None:
        """Return the symbol of a name; ``None`` when the prompt has no such name."""
        return next((symbol for shown, symbol in self.pairs if shown == name), None)

    def unmasked(self, words: str) -> str:
        """Return words with every label replaced by its symbol, for a person to read."""
        if not self.masked:
            return words
        return _LABEL.sub(lambda found: self.symbol_of(found[0]) or found[0], words)


def names_of(situation: Situation, *, mask: bool) -> Names:
    """Return the symbols that a prompt about the situation shows.

    The symbol that is aimed at, the one that lost most, then those with the largest losses. By name they stand in
    alphabetical order. Labels ``A1``, ``A2`` … are dealt by a hash of ``market_seq`` and symbol: the same in every arm
    at that moment, and saying nothing about a symbol's size, loss or place in the alphabet.

    Raises:
        DataError: a symbol's name could carry more than a name.
    """
    for symbol in situation.symbols:
        if not _SYMBOL.fullmatch(symbol):
            raise DataError(
                f"symbol {ascii(symbol)[:60]} may not be shown to a model: it must be 2 to 20 capitals and digits. "
                "Rename it in the market."
            )
    chosen = sorted(situation.reports, key=lambda report: _rank(situation, report))[:SYMBOLS_MAX]
    symbols = sorted(report.symbol for report in chosen)
    if not mask:
        return Names(tuple((symbol, symbol) for symbol in symbols), masked=False)
    dealt = sorted(symbols, key=lambda symbol: _dealt(situation.market_seq, symbol))
    return Names(tuple((f"A{place}", symbol) for place, symbol in enumerate(dealt, 1)), masked=True)


def _rank(situation: Situation, report: SymbolReport) -> tuple[bool, bool, float, int]:
    return (
        report.symbol != situation.focus,
        report.symbol != situation.worst_symbol,
        report.recent_pnl + report.unrealised_pnl,
        report.symbol_id,
    )


def _dealt(market_seq: int, symbol: str) -> bytes:
    return hashlib.blake2b(f"mask/{market_seq}/{symbol}".encode(), digest_size=8).digest()
