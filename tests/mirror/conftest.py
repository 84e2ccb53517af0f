"""Where a study lies, and where its mirror does."""

from __future__ import annotations

import pytest
from support.mirrored import AWS, bucket


@pytest.fixture(scope="module")
def s3():
    """An S3 server's endpoint as the query of an address, and the environment it wants."""
    from moto.server import ThreadedMotoServer

    with pytest.MonkeyPatch.context() as patch:
        for name, value in AWS.items():
            patch.setenv(name, value)
        server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
        server.start()
        host, port = server.get_host_and_port()
        yield f"?endpoint_override={host}:{port}&scheme=http&region=us-east-1"
        server.stop()


@pytest.fixture(params=["file", "s3"])
def address(request, tmp_path):
    if request.param == "file":
        return (tmp_path / "mirror").as_uri()
    query = request.getfixturevalue("s3")
    bucket(query, "mirrors")
    return f"s3://mirrors/{tmp_path.name}{query}"


@pytest.fixture
def here(tmp_path):
    """An address for what does not depend on the kind of file system."""
    return str(tmp_path / "mirror")


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "results" / "study"
