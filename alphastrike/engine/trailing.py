"""The trailing window of decision bars: two buffers that grow at their end and forget their beginning."""

import numpy as np

from alphastrike.engine.perception_steps import Reals
from alphastrike.features.bars import COLUMNS
from alphastrike.model.errors import DataError


class TrailingBars:
    """The last decision bars of S symbols and E external series, with room for those to come."""

    def __init__(self, symbols: int, externals: int, keep: int) -> None:
        """Begin without a bar; ``keep`` bars are remembered between two feeds."""
        self._keep = keep
        self._begin = 0
        self.end = 0
        """Row that the next bar takes."""
        self.symbol_columns = np.empty((COLUMNS, symbols, 2 * keep))
        """``features.bars.Bars`` (columns, S, room)."""
        self.external_columns = np.empty((externals, 2 * keep))
        """(E, room)."""

    @property
    def length(self) -> int:
        """Number of bars known."""
        return self.end - self._begin

    def columns(self, bars: int) -> Reals:
        """Return the last ``bars`` bars of the symbols, or all there are: a view (columns, S, n) to read from."""
        return _to_read(self.symbol_columns[:, :, max(self.end - bars, self._begin) : self.end])

    def externals(self, bars: int) -> Reals:
        """Return the last ``bars`` bars of the external series, or all there are: a view (E, n) to read from."""
        return _to_read(self.external_columns[:, max(self.end - bars, self._begin) : self.end])

    def make_room(self, bars: int) -> None:
        """Make room for so many more."""
        room = self.symbol_columns.shape[2]
        if self.end + bars <= room:
            return
        self._move(max(2 * self._keep, self.length + bars))

    def grow(self, bars: int) -> None:
        """Count bars that were written behind the end."""
        self.end += bars

    def forget(self) -> None:
        """Let go of all but the bars to be kept, and of the room that a long history took."""
        self._begin = max(self._begin, self.end - self._keep)
        if self.symbol_columns.shape[2] > 4 * self._keep:
            self._move(2 * self._keep)

    def to_bytes(self) -> bytes:
        """Return the bars that are kept."""
        return self.columns(self._keep).tobytes() + self.externals(self._keep).tobytes()

    def take_bytes(self, data: bytes) -> None:
        """Begin again with the bars of :meth:`to_bytes`.

        Raises:
            DataError: they were made with other columns, symbols or external series.
        """
        columns, symbols, _ = self.symbol_columns.shape
        externals = self.external_columns.shape[0]
        values = np.frombuffer(data, dtype=np.float64)
        bars, rest = divmod(len(values), columns * symbols + externals)
        if rest or bars > self._keep:
            raise DataError(
                f"a checkpoint's window of {len(values)} numbers does not hold at most {self._keep} bars of {columns} "
                f"columns, {symbols} symbols and {externals} external series. Record the run again."
            )
        split = columns * symbols * bars
        self._begin, self.end = 0, bars
        self.symbol_columns[:, :, :bars] = values[:split].reshape(columns, symbols, bars)
        self.external_columns[:, :bars] = values[split:].reshape(externals, bars)

    def _move(self, room: int) -> None:
        """Copy the bars to the front of buffers with that much room."""
        length = self.length
        for name in ("symbol_columns", "external_columns"):
            old = getattr(self, name)
            new = np.empty((*old.shape[:-1], room)) if old.shape[-1] != room else old
            new[..., :length] = old[..., self._begin : self.end].copy()
            setattr(self, name, new)
        self._begin, self.end = 0, length


def _to_read(view: Reals) -> Reals:
    """Seal a view: a feature that wrote to its bars would change what all others see."""
    view.flags.writeable = False
    return view
