"""``alphastrike runs``: what has been recorded."""

from typing import Any

from alphastrike.cli.options import DATA, Data, Json


def runs(data: Data = DATA, as_json: Json = False) -> None:
    """List the recorded runs, newest first."""
    from alphastrike.cli.console import note, out, print_json, table
    from alphastrike.runs.registry import list_runs, runs_folder

    entries = list_runs(data)
    if as_json:
        print_json([entry.summary() for entry in entries])
        return
    if not entries:
        note(f"No run in {runs_folder(data)} yet. Record one with: alphastrike record MARKET --policy rules")
        return
    rows: list[tuple[Any, ...]] = []
    for entry in entries:
        m = entry.manifest
        if m is None:
            rows.append((entry.name, None, None, None, None, None, None, "damaged"))
            continue
        parent = f"{m.parent.run} at {m.parent.situation}" if m.parent else None
        rows.append((entry.name, m.market.name, m.policy, parent, m.digest, m.created, m.rows, m.state))
    out().print(table(("run", "market", "policy", "parent", "digest", "created UTC", "rows", "state"), rows))
    for entry in entries:
        if entry.trouble:
            note(f"{entry.name}: {entry.trouble}")
