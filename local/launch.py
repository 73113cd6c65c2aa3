"""Starts the emulator (ministack, served by uvicorn; versions pinned in requirements.lock) with ten patches.

They reach into its internals: check each one when a version is raised. Two make a warm request
take 10 ms instead of 100, two bound the processes of a burst, one corrects permissions, one keeps
AWS clients and the API's callers apart, and four make a request to the table cost a quarter.
"""

import functools
import json
import random
import re
import socketserver
import sys
import time
from email.utils import formatdate

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
    visibility timeout only; on AWS it would have found one. A
    bound that is a parameter of the template comes as a text.
    """
    return min(int(_esm_concurrency(*arguments)), max(1, lambda_svc._ACCOUNT_CONCURRENCY_CAP // 4))


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

from ministack.services import dynamodb  # noqa: E402

_TRUST_SECONDS = 5  # a policy that changed is looked at again after so long
_allowed = {}  # who may do what to which tables, and until when that is believed
_NAMES = re.compile(rb'"(?:TableName|IndexName|Put|Update|Delete|ConditionCheck)"\s*:\s*(?:"[^"]*")?')
_general = app.app


@functools.lru_cache(maxsize=4096)
def _tokens(expression, tokenize=dynamodb._tokenize):
    return tuple(tokenize(expression))


# An expression is taken apart and checked once, not once for each item it is compared with.
dynamodb._tokenize = lambda expression: list(_tokens(expression))
dynamodb._condition_syntax_error = functools.lru_cache(maxsize=4096)(dynamodb._condition_syntax_error)

_evaluate = dynamodb._evaluate_condition
_KEY_CONDITION = re.compile(
    r"\(?([#\w]+) = (:\w+)\)?(?: AND \(?(?:([#\w]+) BETWEEN (:\w+) AND (:\w+)|begins_with ?\(([#\w]+), (:\w+)\))\)?)?")
_last = (None, None, None)  # the expression and values that were compared last, and their test


def _evaluate_key(expression, item, values, names, slot="ConditionExpression"):
    """Compares the keys of a query, which looks at each item of a partition, without taking the
    expression apart for each. The first item goes the emulator's way, which finds what is wrong."""
    global _last
    if slot != "KeyConditionExpression":
        return _evaluate(expression, item, values, names, slot=slot)
    if _last[0] is not expression or _last[1] is not values:
        _last = (expression, values, _key_test(expression, values or {}, names or {}))
        return _evaluate(expression, item, values, names, slot=slot)
    return _last[2](item) if _last[2] else _evaluate(expression, item, values, names, slot=slot)


def _key_test(expression, values, names):
    """A function that says whether an item meets a key condition of texts; None for others."""
    match = _KEY_CONDITION.fullmatch(expression)
    if not match:
        return None
    partition, equal, between, low, high, begins, prefix = match.groups()
    texts = {v: values[v].get("S") for v in (equal, low, high, prefix) if v in values}
    if any(t is None for t in texts.values()):
        return None
    name = lambda n: names.get(n, n)  # noqa: E731
    partition, equal = name(partition), texts[equal]
    if between:
        key, low, high = name(between), texts[low], texts[high]
        return lambda item: item[partition]["S"] == equal and low <= item[key]["S"] <= high
    if begins:
        key, prefix = name(begins), texts[prefix]
        return lambda item: item[partition]["S"] == equal and item[key]["S"].startswith(prefix)
    return lambda item: item[partition]["S"] == equal


dynamodb._evaluate_condition = _evaluate_key


async def _answer(scope, receive, send):
    """Answers requests to DynamoDB by the shortest way, and all others as the emulator does.

    The first request of a role for an action on a table goes the emulator's whole way, with
    signature and policies; what was allowed is believed for a few seconds.
    """
    if scope["type"] != "http":
        return await _general(scope, receive, send)
    headers = {k.decode("latin-1"): v.decode("latin-1") for k, v in scope["headers"]}
    action = headers.get("x-amz-target", "")
    if scope["path"] != "/" or not action.startswith("DynamoDB_20120810.") or "content-encoding" in headers:
        return await _general(scope, receive, send)
    body, more = b"", True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            return
        body, more = body + message.get("body", b""), message.get("more_body", False)
    key = (headers.get("authorization", "").split("/")[0], action, *sorted(_tables_of(action, body)))
    if "authorization" not in headers or _allowed.get(key, 0) < time.monotonic():
        for old in [k for k, until in _allowed.items() if until < time.monotonic()]:
            _allowed.pop(old, None)
        sent = []

        async def again():
            return {"type": "http.request", "body": body, "more_body": False}

        async def watch(message):
            sent.append(message)
            await send(message)

        await _general(scope, again, watch)
        if sent and sent[0].get("status") == 200:
            _allowed[key] = time.monotonic() + _TRUST_SECONDS
        return
    access_key = app.extract_access_key_id(headers)
    app.set_request_account_id(app._request_account_scope(access_key) if app.AUTH else access_key)
    app.set_request_region(app.extract_region(headers))
    status, answer, content = await dynamodb.handle_request("POST", "/", headers, body, {})
    if isinstance(content, str):
        content = content.encode()
    answer.update({"x-amzn-requestid": "%032x" % random.getrandbits(128), "content-length": str(len(content)),
                   "date": _date(int(time.time()))})
    cycle = send.__self__
    together = cycle.transport = _Together(cycle.transport) if cycle.keep_alive else cycle.transport
    await send({"type": "http.response.start", "status": status,
                "headers": [(k.lower().encode("latin-1"), str(v).encode("latin-1")) for k, v in answer.items()]})
    await send({"type": "http.response.body", "body": content})
    if cycle.keep_alive:
        together.flush()


def _tables_of(action, body):
    """What of a request decides whether a role may do it, beside the action."""
    if "Batch" not in action:
        return set(_NAMES.findall(body))
    try:
        return {name.encode() for name in json.loads(body)["RequestItems"]}
    except (ValueError, KeyError, TypeError, AttributeError):
        return {body}  # the emulator says what is wrong with it


class _Together:
    """Writes the head and the body of an answer at once: each write may cost a wait for other threads."""

    def __init__(self, transport):
        self._transport, self._parts = transport, []

    def __getattr__(self, name):
        return getattr(self._transport, name)

    def write(self, data):
        self._parts.append(data)

    def flush(self):
        self._transport.write(b"".join(self._parts))


@functools.lru_cache(maxsize=2)
def _date(second):
    return formatdate(second, usegmt=True)


async def _serve(_, config):
    """Serves by uvicorn, whose parser is native: hypercorn's takes longer than most requests' work."""
    import uvicorn

    host, port = config.bind[0].rsplit(":", 1)
    await uvicorn.Server(uvicorn.Config(
        _answer, host=host, port=int(port), http="httptools", loop="none", ws="none", lifespan="on", log_level="warning", proxy_headers=False,
        timeout_keep_alive=int(config.keep_alive_timeout), server_header=False, date_header=False, access_log=False,
        timeout_graceful_shutdown=2)).serve()


import hypercorn.asyncio  # noqa: E402

hypercorn.asyncio.serve = _serve
sys.setswitchinterval(0.0005)  # the thread that serves waits for others so long each time it wrote or read
app.main()
