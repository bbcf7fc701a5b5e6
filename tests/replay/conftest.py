import pytest

from tests.replay.runs import RecordedRuns, make_runs


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> RecordedRuns:
    """Real runs under a data root of the session's own."""
    return make_runs(tmp_path_factory.mktemp("replayed"))
