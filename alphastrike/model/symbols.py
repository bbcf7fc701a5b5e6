"""Symbols as the engine knows them: ``BTCUSDT``, and the run's table that numbers them."""

import re
from typing import Final

from alphastrike.model.errors import DataError

_INTERNAL: Final = re.compile(r"[A-Z0-9]{2,20}")
_SEPARATORS: Final = re.compile(r"[-_/:.\s]+")
_QUOTES: Final = ("USDT", "USDC", "USD", "BUSD")
_SUFFIXES: Final = ("PERP", "SWAP", "UMCBL")


def normalise_symbol(text: str) -> str:
    """Return the internal name of a perpetual, ``BTCUSDT``, from the spellings exchanges use.

    ``BTC/USDT:USDT``, ``BTC-USDT-SWAP``, ``btcusdt``, ``cmt_btcusdt`` and ``BTCUSDT_15m`` (a file's stem) are
    understood; a name without a quote currency stays as it is, upper-cased.

    Raises:
        DataError: nothing in the text looks like a symbol.
    """
    settled = text.strip().upper().removeprefix("CMT_").split(":")[0]
    parts = [part for part in _SEPARATORS.split(settled) if part]
    if not parts:
        raise DataError(f"symbol {text!r} is empty. Use a name like BTCUSDT.")
    name = parts[0]
    if len(parts) > 1 and parts[1] in _QUOTES and not name.endswith(_QUOTES):
        name += parts[1]
    for suffix in _SUFFIXES:
        name = name.removesuffix(suffix)
    if not _INTERNAL.fullmatch(name):
        raise DataError(f"symbol {text!r} is not a name like BTCUSDT or BTC/USDT:USDT.")
    return name


class SymbolTable(tuple[str, ...]):
    """The run's symbols in their fixed order; a ``SymbolId`` is an index into it."""

    __slots__ = ()

    def id_of(self, symbol: str) -> int:
        """Return the symbol's id.

        Raises:
            DataError: the symbol is not in this market.
        """
        if symbol not in self:
            raise DataError(f"symbol {symbol!r} is not in this market. It has {', '.join(self)}.")
        return self.index(symbol)

    def name_of(self, symbol_id: int) -> str | None:
        """Return the symbol's name, or ``None`` for the whole account (-1)."""
        return None if symbol_id < 0 else self[symbol_id]
