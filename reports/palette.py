"""Arms keep one ink everywhere: in every chart, table and legend of every page.

Blue, orange and violet, teal and rose stay apart for the common kinds of colour blindness; where two might
not, the dash does. All but the deliberately light ``random`` stand out 3 : 1 from white and from near-black.
"""

from typing import Final, NamedTuple


class Ink(NamedTuple):
    """How an arm's line is drawn."""

    colour: str
    dash: tuple[int, ...]
    """Lengths in pixels; empty for a solid line."""

    @property
    def dash_svg(self) -> str:
        """The dash as an SVG attribute's value."""
        return " ".join(str(length) for length in self.dash) or "none"


SOLID: Final[tuple[int, ...]] = ()
FAMILIES: Final = {
    "no-llm": Ink("#7d8590", SOLID),
    "rules": Ink("#2f7dc0", SOLID),
    "llm": Ink("#d9771f", SOLID),
    "random": Ink("#b79fd0", SOLID),
    "recorded": Ink("#12938a", (6, 3)),
    "always": Ink("#b0527f", SOLID),
    "swap": Ink("#9a7b12", SOLID),
    "oracle": Ink("#12938a", SOLID),
}
OTHERS: Final = ("#12938a", "#b0527f", "#9a7b12", "#5a6fd6", "#c05b4d", "#4f8f3a", "#8a62b8", "#d9771f")
DASHES: Final = (SOLID, (6, 3), (2, 3), (8, 3, 2, 3))


def inks(names: list[str]) -> dict[str, Ink]:
    """Give each arm its ink by its policy's family; a second arm of one family gets the next free one."""
    given: dict[str, Ink] = {}
    for name in names:
        family = name.split(" ")[0].split(":")[0]
        ink = FAMILIES.get(family)
        if ink is None or ink in given.values():
            free = (Ink(colour, dash) for dash in DASHES for colour in OTHERS)
            ink = next((each for each in free if each not in given.values()), Ink(OTHERS[0], DASHES[-1]))
        given[name] = ink
    return given
