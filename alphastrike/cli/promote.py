"""``alphastrike promote``: a tuned point into ``alphastrike.toml``, when it passes every gate."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from alphastrike.cli.configured import HERE
from alphastrike.cli.options import DATA, Data, Json, Quiet

if TYPE_CHECKING:
    from experiments.promotion import Judged
    from experiments.study import Study


def promote(
    study: Annotated[str, typer.Argument(metavar="STUDY", help="Name of a study that `alphastrike tune` made.")],
    override: Annotated[
        str | None,
        typer.Option(
            "--override",
            metavar="REASON",
            help="Promote though a gate fails; the reason is kept in file and study.",
            show_default=False,
        ),
    ] = None,
    config: Annotated[Path, typer.Option("--config", metavar="FILE", help="File to write the thresholds into.")] = HERE,
    storage: Annotated[
        str | None,
        typer.Option(
            "--storage",
            metavar="URL",
            help="Database of studies: sqlite:///FILE or postgresql://…",
            show_default="studies.db in the data root",
        ),
    ] = None,
    data: Data = DATA,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Put STUDY's best point before every gate, and write its thresholds when it passes them all.

    The hold-out is opened when every other gate is passed, and once: the study remembers for which point. Of the file
    only triggers, guardian and their origin change. Exits 2 and names the gates when one fails, unless --override.
    """
    from alphastrike.cli.console import note, print_json, say
    from alphastrike.cli.progress import progress_bars
    from alphastrike.cli.tune import check_extra, default_storage, show
    from alphastrike.model.errors import ConfigurationError
    from experiments.promotion import check_file, elsewhere, judge
    from experiments.promotion import promote as promoted
    from experiments.study import Study
    from experiments.tuning import basis_again
    from reports.tuning_text import gate_table

    check_extra()
    if override is not None and not override.strip():
        raise ConfigurationError("--override needs a reason, which is kept beside the thresholds.")
    check_file(config)
    opened = Study.open(storage or default_storage(data), study)
    with progress_bars(quiet or as_json) as progress:
        basis = basis_again(data, opened.facts, progress=progress)
        judged = judge(opened, basis, opens=override is not None, progress=progress)
    if not as_json:
        show(gate_table(judged.gates), ("", "found", "asked"))
    try:
        told = promoted(opened, judged, config, (override or "").strip())
    except ConfigurationError as refused:
        _tag(data, opened, judged, f"refused: {refused}")
        raise
    _tag(data, opened, judged, f"promoted: {told}")
    if as_json:
        print_json({"file": config, "thresholds_from": told, "gates": judged.gates, "holdout": judged.opened})
        return
    if elsewhere(opened, config):
        note(f"other settings of {config} are not those the study was made under: there its values are not known")
    say(f"Promoted into {config}: {told}")
    say("record, live, tune and replay read it where it lies.")


def _tag(data: Path, study: "Study", judged: "Judged", outcome: str) -> None:
    """Note the outcome at the study's run in MLflow where it is tracked; whatever is wrong there changes nothing."""
    from alphastrike.cli.console import note
    from alphastrike.model.errors import AlphaStrikeError
    from experiments.tracked_study import EXPERIMENT, gate_tags, study_key
    from experiments.tracking import Tracker
    from experiments.tracking_store import Place

    try:
        if Place(data).check():
            tags = {"promotion": outcome, **gate_tags(judged.gates)}
            Tracker.at(data).tag(EXPERIMENT, study_key(study.facts), tags)
    except AlphaStrikeError as trouble:
        note(f"Not tracked: {trouble}")
