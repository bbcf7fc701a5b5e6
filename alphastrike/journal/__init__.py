"""The event log: kinds declared once each, sealed into Parquet, chained by hash, read back in order.

Importing any part of it declares all kinds, inputs first: their order is part of the numbering. A kind that came later
stands at the end, whatever its role, so that what was recorded before keeps its numbers.
"""

from alphastrike.journal import inputs as _inputs  # noqa: F401  # isort: skip
from alphastrike.journal import derived as _derived  # noqa: F401  # isort: skip
from alphastrike.journal import calls as _calls  # noqa: F401  # isort: skip
