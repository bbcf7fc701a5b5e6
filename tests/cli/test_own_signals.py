"""A user's own files, in a copy of the program: one file is enough, and a bad one stops the run in one line."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

TIMEOUT_S = 300
CATEGORY = Path("alphastrike/ml/signals/price_action")
FEATURES = Path("alphastrike/features")

OWN_FEATURE = '''"""A user's feature."""

from alphastrike.features.bars import Bars, Column
from alphastrike.features.declare import Family, feature
from alphastrike.features.windows import log_change


@feature(Family.TREND, window=13)
def own_momentum_12(bars: Bars) -> Column:
    """Log return of 12 bars."""
    return log_change(bars.close, 12)
'''

OWN_SIGNAL = '''"""A user's signal."""

from alphastrike.ml.declare import Category, signal
from alphastrike.ml.squash import squash


@signal(Category.PRICE_ACTION, horizon_bars=12)
def own_half_day(own_momentum_12: float) -> float:
    """Half a day's return, followed."""
    return squash(50.0 * own_momentum_12)
'''

PEEKING_FEATURE = '''"""Features that know too much."""

import numpy as np

from alphastrike.features.bars import Bars, Column
from alphastrike.features.declare import Family, feature


@feature(Family.TREND, window=1)
def next_return(bars: Bars) -> Column:
    """The next bar's return."""
    ahead = np.full(bars.close.shape, np.nan)
    ahead[..., :-1] = bars.close[..., 1:] / bars.close[..., :-1] - 1.0
    return ahead


@feature(Family.TREND, window=1)
def of_all_closes(bars: Bars) -> Column:
    """The close in units of the mean of all."""
    return bars.close / np.nanmean(bars.close, axis=-1, keepdims=True) - 1.0


@feature(Family.TREND, window=1)
def since_it_began(bars: Bars) -> Column:
    """Return since the first bar."""
    return bars.close / bars.close[..., :1] - 1.0
'''

PEEKING_SIGNAL = '''"""Reads {feature}."""

from alphastrike.ml.declare import Category, signal
from alphastrike.ml.squash import squash


@signal(Category.PRICE_ACTION)
def reads_{feature}({feature}: float) -> float:
    """Believes it."""
    return squash({feature})
'''

# The environment chooses, so that all of these are one program, which is compiled once.
BAD_SIGNAL = '''"""A signal that is wrong in one of several ways."""

import math
import os

from alphastrike.ml.declare import Category, signal

match os.environ.get("OWN_SIGNAL", ""):
    case "outside":

        @signal(Category.PRICE_ACTION)
        def bad(volatility_24: float) -> float:
            """Out of bounds."""
            return 1.0 + volatility_24

    case "nan":

        @signal(Category.PRICE_ACTION)
        def bad(volatility_24: float) -> float:
            """No number."""
            return math.nan * volatility_24

    case "raises":

        @signal(Category.PRICE_ACTION)
        def bad(volatility_24: float) -> float:
            """Gives up."""
            if volatility_24 >= 0.0:
                raise ValueError("no idea")
            return 0.0

    case "raises another":

        @signal(Category.PRICE_ACTION)
        def bad(volatility_24: float) -> float:
            """Gives up in its own way."""
            if volatility_24 >= 0.0:
                raise RuntimeError("no idea")
            return 0.0

    case "not compiled":

        @signal(Category.PRICE_ACTION)
        def bad(volatility_24: float) -> float:
            """Asks what the compiler does not know."""
            return float(os.environ["HOME"] == "here")

    case "unknown feature":

        @signal(Category.PRICE_ACTION)
        def bad(no_such_feature: float) -> float:
            """Reads what is not there."""
            return no_such_feature

    case "wrong folder":

        @signal(Category.MACRO)
        def bad(volatility_24: float) -> float:
            """Lies elsewhere."""
            return 0.0

    case "not loaded":
        raise KeyError("a key")
'''

BAD_FEATURE = '''"""A feature that is wrong in one of several ways."""

import os

import numpy as np

from alphastrike.features.bars import Bars, Column
from alphastrike.features.declare import Family, feature

HOW = os.environ.get("OWN_FEATURE", "")

if HOW:

    @feature(Family.TREND, window=1)
    def bad_feature(bars: Bars) -> Column:
        """Wrong."""
        match HOW:
            case "shape":
                return bars.close[..., 1:]
            case "list":
                return list(bars.close)
            case "text":
                return np.full(bars.close.shape, "high")
            case "raises":
                return bars.close / bars.no_such_column
        bars.close[..., 0] = 1.0
        return bars.close
'''


@dataclass(frozen=True)
class Program:
    """A copy of the program with files of a user's own in it."""

    folder: Path
    data: Path

    def ends(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a command of the copy."""
        own = {"PYTHONPATH": str(self.folder), "XDG_CACHE_HOME": str(self.folder / "cache"), **environment}
        return subprocess.run(
            [sys.executable, "-m", "alphastrike", *words],
            cwd=self.folder,
            env={**os.environ, **own},
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )

    def says(self, *words: str, code: int = 0) -> Any:
        """Run a command of the copy with ``--json`` and return what it says."""
        ended = self.ends(*words, "--json")
        assert ended.returncode == code, ended.stderr[-2000:]
        return json.loads(ended.stdout)

    def add(self, path: Path, text: str) -> None:
        (self.folder / path).write_text(text)


def copied(project: Path, folder: Path) -> Program:
    for package in ("alphastrike", "replay", "reports", "experiments"):
        shutil.copytree(project / package, folder / package, ignore=shutil.ignore_patterns("__pycache__", "out"))
    return Program(folder, folder / "data")


@pytest.fixture(scope="module")
def extended(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Program:
    """A program with sound and with peeking files of a user's own, and a market of 45 days."""
    program = copied(project, tmp_path_factory.mktemp("extended"))
    program.add(FEATURES / "own.py", OWN_FEATURE)
    program.add(FEATURES / "peeking.py", PEEKING_FEATURE)
    program.add(CATEGORY / "own_half_day.py", OWN_SIGNAL)
    for feature in ("next_return", "of_all_closes", "since_it_began"):
        program.add(CATEGORY / f"reads_{feature}.py", PEEKING_SIGNAL.format(feature=feature))
    program.says("simulate", "--name", "made", "--days", "45", "--symbols", "BTCUSDT,ETHUSDT")
    program.says("record", "made", "--name", "r")
    return program


@pytest.fixture(scope="module")
def broken(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Program:
    """A program with a bad file of a user's own, and a market of 10 days."""
    program = copied(project, tmp_path_factory.mktemp("broken"))
    program.add(CATEGORY / "bad.py", BAD_SIGNAL)
    program.add(FEATURES / "bad.py", BAD_FEATURE)
    program.says("simulate", "--name", "made", "--days", "10", "--symbols", "BTCUSDT,ETHUSDT")
    return program


@pytest.mark.slow
def test_a_new_file_is_listed_with_what_it_needs(extended: Program) -> None:
    listed = {each["name"]: each for each in extended.says("signals")["signals"]}
    own = listed["own_half_day"]
    assert (own["category"], own["inputs"], own["needs"]) == ("price_action", ["own_momentum_12"], ["candles"])
    assert (own["horizon_bars"], own["idea"]) == (12, "Half a day's return, followed.")


@pytest.mark.slow
def test_a_new_file_is_in_the_journal(extended: Program) -> None:
    found = extended.says(
        "sql",
        "r",
        "select count(*) as known, min(own_half_day) as low, max(own_half_day) as high from signals "
        "where not isnan(own_half_day)",
    )
    (scores,) = found
    assert scores["known"] == 2 * (45 * 24 - 12)
    assert -1.0 <= scores["low"] < 0.0 < scores["high"] <= 1.0
    stood = {each["name"]: each for each in extended.says("signals", "--run", "r")["signals"]}
    assert stood["own_half_day"]["outcomes"] > 0
    assert stood["own_half_day"]["state"] == "votes"


@pytest.mark.slow
def test_a_new_file_is_in_the_page(extended: Program) -> None:
    written = Path(extended.says("page", "r")["page"])
    assert "<tr><th>own_half_day</th>" in (extended.folder / written).read_text(encoding="utf-8")


@pytest.mark.slow
def test_a_new_file_is_proved_not_to_look_ahead(extended: Program) -> None:
    proven = extended.says("lookahead", "made", "--signal", "own_half_day")
    assert proven["clean"]
    assert [each["name"] for each in proven["subjects"]] == ["own_momentum_12", "own_half_day"]
    assert proven["compared"]["future"]["own_half_day"] > 0


@pytest.mark.slow
def test_a_peek_a_normalisation_and_a_start_are_named_and_nothing_else(extended: Program) -> None:
    proven = extended.says("lookahead", "made", code=1)
    causes = {finding["name"] for finding in proven["findings"] if not finding["inherited"]}
    heirs = {finding["name"] for finding in proven["findings"] if finding["inherited"]}
    assert causes == {"next_return", "of_all_closes", "since_it_began"}
    assert heirs == {"reads_next_return", "reads_of_all_closes", "reads_since_it_began", "forecast"}
    told = extended.ends("lookahead", "made", "--signal", "reads_next_return")
    assert told.returncode == 1
    assert told.stdout.splitlines()[-1] == "Not clean: mend next_return. Of the signals, reads_next_return inherits it."


@pytest.mark.slow
@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("outside", "signal bad returned 1.0"),
        ("nan", "signal bad returned nan for BTCUSDT at the decision bar "),
        ("raises", "signal bad raised ValueError('no idea') for BTCUSDT at the decision bar "),
        ("raises another", "signal bad raised RuntimeError('no idea') for BTCUSDT at the decision bar "),
        ("not compiled", "bad (alphastrike.ml.signals.price_action.bad) cannot be compiled."),
        ("unknown feature", "signal bad asks for the feature no_such_feature, which does not exist."),
        ("wrong folder", "signal bad (alphastrike.ml.signals.price_action.bad) lies in the folder price_action."),
        ("not loaded", "the signal in alphastrike.ml.signals.price_action.bad cannot be loaded: KeyError('a key')."),
    ],
)
def test_a_bad_signal_stops_the_run_by_name_and_leaves_nothing(broken: Program, how: str, said: str) -> None:
    stopped = broken.ends("record", "made", "--quiet", OWN_SIGNAL=how)
    assert stopped.returncode == 2
    (line,) = stopped.stderr.splitlines()
    assert line.startswith(f"error: {said}")
    assert not list(broken.data.glob("runs/*")), "nothing half written"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("shape", "feature bad_feature returned float64 of shape (2, "),
        ("list", "feature bad_feature returned a list for bars of shape (2, "),
        ("text", "feature bad_feature returned <U4 of shape (2, "),
        ("raises", "feature bad_feature raised AttributeError("),
        ("writes", "feature bad_feature raised ValueError('assignment destination is read-only')."),
    ],
)
def test_a_bad_feature_stops_the_run_by_name_and_leaves_nothing(broken: Program, how: str, said: str) -> None:
    stopped = broken.ends("record", "made", "--quiet", OWN_FEATURE=how)
    assert stopped.returncode == 2
    (line,) = stopped.stderr.splitlines()
    assert line.startswith(f"error: {said}")
    assert not list(broken.data.glob("runs/*")), "nothing half written"


@pytest.mark.slow
def test_one_signal_is_proved_while_another_is_still_bad(broken: Program) -> None:
    told = broken.ends("lookahead", "made", "--signal", "closing_pressure", "--quiet", OWN_SIGNAL="raises")
    assert told.returncode == 0, told.stderr
