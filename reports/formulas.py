"""How each number of the page that takes a run's interventions apart comes about, in words beside the number."""

from typing import Final

from replay.horizons import PRIMARY
from replay.trigger_quality import TriggerQualities

Formulas = tuple[tuple[str, str], ...]
"""(name as the page has it, how it is computed)"""


def _read(text: str) -> Formulas:
    """Read entries: a name at the margin, its formula indented below it."""
    entries: list[tuple[str, list[str]]] = []
    for line in text.strip().splitlines():
        if line.startswith(" "):
            entries[-1][1].append(line.strip())
        else:
            entries.append((line.strip(), []))
    return tuple((name, " ".join(lines)) for name, lines in entries)


ATTRIBUTION: Final = _read("""
Shapley ‰
    1,000 × the mean, over all orders in which the interventions could have been added, of what adding this one does to
    ln equity at the end of the run (Shapley, 1953). Parts add up to the whole: all interventions as recorded − none.
±
    One standard error from drawing orders instead of going through all; of a group, that of its sum in each draw, which
    is not the sum of its members’. None where every coalition was computed.
so far
    Sum of the steps down to this one: the last one is the whole.
parts, USDT
    How much more or less each part moved equity with all interventions than with none of them, from the first tick to
    the last; costs are negative, so what was saved is positive. They add up to the difference of the final equities.
""")

WORTHS: Final = _read(f"""
effect ‰, at {PRIMARY.label}
    1,000 × [ln equity with the intervention − ln equity without it], both from the account at the tick at which it was
    applied, all other recorded interventions standing as they stood (leave-one-out, frozen). Each number names its
    times and its market events.
95 %
    Stationary bootstrap of the hourly paired differences inside that window. It says how much of this one effect hung
    on single hours of it, not how the next such intervention will do.
grey band
    What a harmless intervention in its place moves over the same time (size × 0.9 for 24 h on the same symbol, on every
    symbol for an account-wide tool): an effect inside it is one of path, not of choice.
Shapley ‰
    Its fair share of the whole effect of all interventions at the end of the run; see above.
regret ‰
    Greatest advantage of any action of the grid − that of the answer given, at {PRIMARY.label}, this decision alone.
met again
    Time until both accounts first held the same sides, exposure ÷ equity within 0.01, and the same controls, and kept
    doing so. Where they never met, what comes later is path, and the end of the run cuts it off.
""")

KINDS: Final = _read(f"""
mean ‰
    Mean leave-one-out effect over {PRIMARY.label} of the interventions of that kind that have one.
95 %, p
    Episodes as the independent observations (cluster-robust, Student’s t); none under ten episodes.
q
    Least share of false findings among the rows of the same table at which this one would be called one (Benjamini and
    Hochberg, 1995): many rows were looked at.
""")

REGRETS: Final = _read("""
best of each situation
    Mean of greatest advantage of any action − that of the answer given, chosen with hindsight in every situation.
    Positive under noise alone: the greatest of many values is great by luck too.
best action by trigger, same data
    The one action by trigger that was best on average, valued on the situations that it was chosen on. Too good, by
    less.
best action by trigger, other half
    Chosen on one half of the clusters of situations and valued on the other, over many random splits, ± its standard
    error: the honest figure. About zero under noise; negative where the answers were better than any fixed choice.
situations in clusters
    Situations whose horizon lies within the run; those whose actions overlap in time are one cluster.
""")


def triggers(found: TriggerQualities) -> Formulas:
    """Say how the figures on triggers come about."""
    return _read(f"""
fired, asked
    Times the rule became true; of those, times the policy was asked: in no cooldown, with no question open.
valued, needed
    Of those asked, the ones whose {found.horizon} lie within the run; of these, acting gained more than the floor.
precision
    Needed ÷ valued. 95 % by Wilson’s interval, with clusters of situations that overlap as its trials.
dashed line
    {found.moments_needed:,} ÷ {found.moments:,}: share of the grid’s moments at which acting was needed, which is the
    precision of asking at no particular time.
recall
    Share of the grid’s moments that needed acting which lie within {found.near_hours} h of an asking.
lead
    Median, over needed askings, of the hours since the first moment within {found.look_back_hours} h before at which
    acting would have helped; 0 when there is none before it, negative when the trigger came so much later.
false alarm
    Mean loss of acting where it was not needed, ‰ of log equity (USDT); negative where acting gained, but less than the
    floor.
""")
