"""Starts the emulator (ministack, version pinned in requirements.lock) with six patches.

They reach into its internals: check each one when the version is raised. Two make a warm request
take 10 ms instead of 100, two bound the processes of a burst, one corrects permissions, one keeps AWS clients and the API's callers apart.
"""

import socketserver
import time

# The Runtime API sends headers and body in two writes; Nagle's algorithm and delayed
# acknowledgement together cost 40 ms per invocation.
socketserver.StreamRequestHandler.disable_nagle_algorithm = True

from ministack.core.lambda_runtime import Worker  # noqa: E402

# It waits 50 ms for a log line after each silent invocation.
Worker._drain_stderr_bounded.__defaults__ = (0.005, 0.002, 0.250)

from ministack.services import lambda_svc  # noqa: E402

_acquire = lambda_svc._acquire_execution_slot
_PATIENCE_SECONDS = 10


def _acquire_patiently(func, config):
    """Waits for a free place instead of refusing at once.

    LAMBDA_ACCOUNT_CONCURRENCY bounds the processes of a burst; on AWS the same burst would have
    found room. A function waiting for one it called itself is refused after the wait, as before.
    """
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        slot, limit = _acquire(func, config)
        if slot is not None or limit == "function" or time.monotonic() > deadline:
            return slot, limit
        time.sleep(0.01)


lambda_svc._acquire_execution_slot = _acquire_patiently

_esm_concurrency = lambda_svc._sqs_esm_concurrency


def _esm_concurrency_that_fits(*arguments):
    """A queue takes a quarter of the places at most.

    A batch that is received and finds no place fails, and its messages come again after their
    visibility timeout only; on AWS it would have found one.
    """
    return min(_esm_concurrency(*arguments), max(1, lambda_svc._ACCOUNT_CONCURRENCY_CAP // 4))


lambda_svc._sqs_esm_concurrency = _esm_concurrency_that_fits

from ministack.core import iam_actions  # noqa: E402

_action = iam_actions.extract_iam_action


def _action_as_on_aws(service, *arguments, **more):
    """On AWS sending, deleting or changing a batch of messages needs the single call's permission."""
    action = _action(service, *arguments, **more)
    return action.removesuffix("Batch") if service == "sqs" and action else action


iam_actions.extract_iam_action = _action_as_on_aws

from ministack import app  # noqa: E402

_execute_api = app._handle_execute_api_request


async def _execute_api_unless_sdk(host, path, method, headers, body, query_params, *arguments, **more):
    """The API answers at http://127.0.0.1:<port>/; AWS clients that use that address mean AWS."""
    sdk = (
        headers.get("authorization", "").startswith("AWS4-HMAC-SHA256")
        or "x-amz-target" in headers
        or "X-Amz-Signature" in query_params
    )
    if sdk and host.split(":")[0] == "127.0.0.1":
        return None
    return await _execute_api(host, path, method, headers, body, query_params, *arguments, **more)


app._handle_execute_api_request = _execute_api_unless_sdk

app.main()
