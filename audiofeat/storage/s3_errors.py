"""What an S3 answer means for a caller; only codes are repeated, never the answer's text, which may name keys."""

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus

from botocore import exceptions as botocore
from urllib3.exceptions import HTTPError

from audiofeat.errors import (
    AccessDenied,
    AudiofeatError,
    InvalidInput,
    ObjectChanged,
    ObjectMissing,
    PointerMoved,
    SettingsInvalid,
    SourceNotFound,
    StoreUnavailable,
)

_NO_QUEUE = {"AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist"}
_CREDENTIALS = {"ExpiredToken", "InvalidToken", "TokenRefreshRequired", "InvalidAccessKeyId", "SignatureDoesNotMatch"}
_WRONG_REGION = {"AuthorizationHeaderMalformed", "IllegalLocationConstraintException", "PermanentRedirect"}
_TRY_LATER = {"RequestTimeout", "RequestTimeTooSkewed", "SlowDown", "Throttling", "OperationAborted"}
_NO_CREDENTIALS = (
    botocore.NoCredentialsError,
    botocore.PartialCredentialsError,
    botocore.CredentialRetrievalError,
    botocore.NoAuthTokenError,
    botocore.TokenRetrievalError,
    botocore.UnauthorizedSSOTokenError,
)
_CHECK_CREDENTIALS = "check AUDIOFEAT_S3_ACCESS_KEY_ID, AUDIOFEAT_S3_SECRET_ACCESS_KEY and the bucket's policy"


@contextmanager
def s3_errors(what: str, *, conditional: type[ObjectChanged | PointerMoved] = ObjectChanged) -> Iterator[None]:
    """Translate what boto3 raises inside the block.

    Parameters
    ----------
    what : str
        The object or bucket that is spoken of.
    conditional : type
        The error for a condition (If-Match, If-None-Match) that did not hold.
    """
    try:
        yield
    except botocore.ClientError as error:
        raise _from_answer(error, what, conditional) from error
    except _NO_CREDENTIALS as error:
        raise AccessDenied(f"{what}: no credentials for the store", _CHECK_CREDENTIALS) from error
    except (botocore.HTTPClientError, botocore.ConnectionError, botocore.IncompleteReadError, HTTPError) as error:
        remedy = "check AUDIOFEAT_S3_ENDPOINT_URL and the network; work that waits is tried again"
        raise StoreUnavailable(f"{what}: {type(error).__name__} from the store", remedy) from error
    except botocore.ParamValidationError as error:
        raise InvalidInput(f"{what} is no possible bucket or key") from error
    except botocore.BotoCoreError as error:
        remedy = "check the AWS_* variables and the files in ~/.aws"
        raise SettingsInvalid(f"{what}: {type(error).__name__} in the set-up of the S3 client", remedy) from error


def _from_answer(
    error: botocore.ClientError, what: str, conditional: type[ObjectChanged | PointerMoved]
) -> AudiofeatError:
    code = error.response.get("Error", {}).get("Code", "")
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    said = f"{what}: the store answered {status} {code}"
    failure: AudiofeatError = InvalidInput(said)
    if status == HTTPStatus.PRECONDITION_FAILED or code == "ConditionalRequestConflict":
        failure = conditional(f"{what} was written by somebody else", "read it again")
    elif code == "NoSuchBucket":
        failure = SourceNotFound(f"{what}: there is no such bucket", "check its name and AUDIOFEAT_S3_ENDPOINT_URL")
    elif code in _NO_QUEUE:
        failure = SourceNotFound(f"{what} does not exist", "check AUDIOFEAT_EVENTS_QUEUE_URL")
    elif status == HTTPStatus.NOT_FOUND:
        failure = ObjectMissing(f"{what} does not exist")
    elif status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.TOO_MANY_REQUESTS or code in _TRY_LATER:
        failure = StoreUnavailable(said, "work that waits is tried again")
    elif status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN} or code in _CREDENTIALS:
        failure = AccessDenied(said, _CHECK_CREDENTIALS)
    elif code in _WRONG_REGION:
        failure = SettingsInvalid(said, "set AUDIOFEAT_S3_REGION to the bucket's region")
    return failure
