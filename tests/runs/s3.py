"""A real S3 server on the loopback, spoken to as to Amazon's."""

import logging
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from alphastrike.runs.object_store import ObjectStore

KEYS = {"AWS_ACCESS_KEY_ID": "tests", "AWS_SECRET_ACCESS_KEY": "not-a-secret", "AWS_EC2_METADATA_DISABLED": "true"}


@contextmanager
def s3() -> Iterator[str]:
    """Start a server and give its address; its keys are in the environment meanwhile."""
    server = pytest.importorskip("moto.server", reason="moto, the S3 server for tests, is not installed")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in KEYS.items():
            patch.setenv(name, value)
        patch.delenv("AWS_SESSION_TOKEN", raising=False)
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        running = server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        running.start()
        try:
            host, port = running.get_host_and_port()
            yield f"http://{host}:{port}"
        finally:
            running.stop()


def prefix_of(endpoint: str, name: str) -> ObjectStore:
    """Return the prefix of a name in a bucket that is there; of a new name an empty one."""
    from pyarrow.fs import S3FileSystem

    scheme, _, host = endpoint.partition("://")
    S3FileSystem(endpoint_override=host, scheme=scheme, region="us-east-1", allow_bucket_creation=True).create_dir(
        "tapes"
    )
    return ObjectStore.at(f"s3://tapes/of-{zlib.crc32(name.encode()):x}?endpoint_override={endpoint}&region=us-east-1")
