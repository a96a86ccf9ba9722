"""The S3 bucket for texts and files: boto3 finds the credentials and creates the bucket."""

from datetime import timedelta
from urllib.parse import urlsplit

import boto3
import botocore.config
import botocore.exceptions
from obstore.auth.boto3 import Boto3CredentialProvider
from obstore.store import S3Store

from main_service.errors import BodyStoreUnavailableError, NoCredentialsError
from main_service.settings import Settings

REQUEST_TIMEOUT = timedelta(seconds=5)
CONNECT_TIMEOUT = timedelta(seconds=2)


def open_bucket(url: str, *, endpoint: str | None, region: str) -> S3Store:
    """The bucket at `url`, `s3://BUCKET/PREFIX`; nothing is sent yet. `endpoint`: None for Amazon's.

    Raises:
        NoCredentialsError: boto3 finds none.
    """
    parts = urlsplit(url)
    # With Amazon the bucket is part of the host's name, unless its certificate would not fit that; other servers know
    # the bucket by the path.
    is_in_host = endpoint is None and "." not in parts.netloc
    return S3Store(
        parts.netloc,
        virtual_hosted_style_request=is_in_host,
        prefix=parts.path.strip("/") or None,
        region=region,
        credential_provider=Boto3CredentialProvider(_boto3_session(region)),
        client_options={"allow_http": True, "timeout": REQUEST_TIMEOUT, "connect_timeout": CONNECT_TIMEOUT},
        retry_config={"max_retries": 2, "retry_timeout": REQUEST_TIMEOUT},
        config={} if endpoint is None else {"endpoint": endpoint},
    )


def create_bucket(settings: Settings) -> bool:
    """Create the bucket of an `s3://` store if it is missing; return whether it was created.

    Raises:
        BodyStoreUnavailableError: the server does not answer or refuses.
        NoCredentialsError: boto3 finds none.
    """
    url = urlsplit(settings.body_store_url)
    if url.scheme != "s3":
        return False
    client = _boto3_session(settings.body_store_region).client(
        "s3",
        endpoint_url=settings.body_store_endpoint,
        config=botocore.config.Config(
            connect_timeout=CONNECT_TIMEOUT.total_seconds(),
            read_timeout=REQUEST_TIMEOUT.total_seconds(),
            retries={"total_max_attempts": 3},
            s3={"addressing_style": "auto" if settings.body_store_endpoint is None else "path"},
        ),
    )
    try:
        try:
            client.head_bucket(Bucket=url.netloc)
            return False
        except botocore.exceptions.ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] != 404:
                raise
        location = {"LocationConstraint": settings.body_store_region}
        is_default_region = settings.body_store_region == "us-east-1"
        client.create_bucket(
            Bucket=url.netloc, **({} if is_default_region else {"CreateBucketConfiguration": location})
        )
        return True
    except botocore.exceptions.ClientError as error:
        raise BodyStoreUnavailableError(_why_refused(error, url.netloc)) from error
    except botocore.exceptions.BotoCoreError as error:
        raise BodyStoreUnavailableError(f"The bucket {url.netloc} can't be reached: {error}") from error


def _why_refused(error: botocore.exceptions.ClientError, bucket: str) -> str:
    status, code = error.response["ResponseMetadata"]["HTTPStatusCode"], error.response["Error"]["Code"]
    if status in (401, 403):
        return (
            f"The S3 server does not let us use the bucket {bucket} ({code}): AWS_ACCESS_KEY_ID or "
            "AWS_SECRET_ACCESS_KEY is wrong, or lacks rights. `python -m main_service doctor` says which."
        )
    return f"The S3 server answers, but the bucket {bucket} can't be used or created: {error}"


def _boto3_session(region: str) -> boto3.Session:
    try:
        session = boto3.Session(region_name=region)
        credentials = session.get_credentials()
    except botocore.exceptions.BotoCoreError as error:
        raise NoCredentialsError(f"No S3 credentials found: {error}") from error
    if credentials is None:
        raise NoCredentialsError(
            "No S3 credentials found. Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile."
        )
    return session
