"""The event log: kinds declared once each, sealed into Parquet, chained by hash, read back in order.

Importing any part of it declares all kinds, inputs first: their order is part of the numbering.
"""

from alphastrike.journal import inputs as _inputs  # noqa: F401  # isort: skip
from alphastrike.journal import derived as _derived  # noqa: F401  # isort: skip
