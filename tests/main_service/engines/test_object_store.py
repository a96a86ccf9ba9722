"""Where the object store sends requests, by the address in the settings; nothing is sent."""

from datetime import timedelta

import obstore
import pytest
from obstore.store import S3Store

from main_service.engines.object_store import ObjectStore


@pytest.mark.parametrize(
    ("url", "endpoint", "region", "expected"),
    [
        ("s3://texts", None, "us-east-1", "https://texts.s3.us-east-1.amazonaws.com/name"),
        ("s3://texts/bodies", None, "eu-central-1", "https://texts.s3.eu-central-1.amazonaws.com/bodies/name"),
        # Amazon's certificate is good for one label in front.
        ("s3://our.texts/a/b/", None, "us-east-1", "https://s3.us-east-1.amazonaws.com/our.texts/a/b/name"),
        ("s3://texts/bodies", "http://seaweedfs:8333", "us-east-1", "http://seaweedfs:8333/texts/bodies/name"),
        ("s3://texts", "https://s3.example.org/", "us-east-1", "https://s3.example.org/texts/name"),
    ],
)
def test_requests_go_to_the_bucket_of_the_settings(
    monkeypatch: pytest.MonkeyPatch, url: str, endpoint: str | None, region: str, expected: str
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "an-id")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a-secret")

    client = ObjectStore(url, endpoint=endpoint, region=region).open()

    assert isinstance(client, S3Store)
    assert obstore.sign(client, "GET", "name", timedelta(hours=1)).partition("?")[0] == expected
