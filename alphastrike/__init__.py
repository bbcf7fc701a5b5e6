"""AlphaStrike: flight recorder and time machine of a perpetual-futures bot.

The pipeline, stage by stage; each stage is the folder of that name::

              perception: policy-independent               account: policy-dependent
    market -> gateway -> features -> validator -> ml  ->  strategy -> risk -> execution
      (1)       (2)         (3)         (4)       (5)        (6)       (7)       (8)
                                                              ^ controls      | fills, P&L
                                             policy <- situation <- triggers -+

Stages never import one another: they share the words of ``model`` and ``engine`` chains them. Every
arrow writes the ``journal``; ``runs`` records and verifies; ``replay`` asks what would have happened.
"""

__version__ = "0.1.0"
