"""A server of gRPC's interoperability tests on the C core. It prints a line of JSON for its port, calls and cancellations.

server.py DESCRIPTORS HOST
"""

import asyncio
import base64
import contextlib
import json
import sys

import grpc

from messages import (
    ECHO_DETAILS,
    ECHO_INITIAL,
    ECHO_TRAILING,
    STATUS_DETAILS,
    TEST_METHODS,
    UNLIMITED,
    Messages,
)

messages = Messages(sys.argv[1])
host = sys.argv[2]


def say(**event):
    print(json.dumps(event), flush=True)


def text_of(value):
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value


@contextlib.asynccontextmanager
async def call(method, context):
    """What every method does: it reports the call, echoes metadata, and reports when the call is cancelled.

    The requests of a cancelled call may end as if the client had ended them, so a method that reads them may not see it.
    """
    fields = [(key, value) for key, value in context.invocation_metadata()]
    say(
        event="call",
        method=method,
        metadata=[[key, text_of(value)] for key, value in fields],
        seconds=context.time_remaining(),
    )
    try:
        await context.send_initial_metadata([pair for pair in fields if pair[0] == ECHO_INITIAL])
        trailing = [pair for pair in fields if pair[0] == ECHO_TRAILING]
        trailing += [(STATUS_DETAILS, value) for key, value in fields if key == ECHO_DETAILS]
        context.set_trailing_metadata(trailing)
        yield
    except (asyncio.CancelledError, GeneratorExit):
        say(event="cancelled", method=method)
        raise


async def end(asked, context):
    """Ends the call with the asked status, if there is one."""
    if asked.code != 0:
        code = next(each for each in grpc.StatusCode if each.value[0] == asked.code)
        await context.abort(code, asked.message, context.trailing_metadata())


def payload(response, size):
    response.payload.body = bytes(size)
    return response


async def empty_call(_, context):
    async with call("EmptyCall", context):
        return messages.testing("Empty")()


async def unary_call(request, context):
    async with call("UnaryCall", context):
        await end(request.response_status, context)
        return payload(messages.testing("SimpleResponse")(), request.response_size)


async def streaming_output_call(request, context):
    async with call("StreamingOutputCall", context):
        for parameters in request.response_parameters:
            yield payload(messages.testing("StreamingOutputCallResponse")(), parameters.size)


async def streaming_input_call(requests, context):
    async with call("StreamingInputCall", context):
        size = 0
        async for request in requests:
            size += len(request.payload.body)
        return messages.testing("StreamingInputCallResponse")(aggregated_payload_size=size)


async def full_duplex_call(requests, context):
    async with call("FullDuplexCall", context):
        async for request in requests:
            await end(request.response_status, context)
            for parameters in request.response_parameters:
                yield payload(messages.testing("StreamingOutputCallResponse")(), parameters.size)


def health():
    return messages.get("grpc.health.v1.HealthCheckResponse")(status=1)


async def check(request, context):
    async with call("Check", context):
        if request.service != "":
            await context.abort(grpc.StatusCode.NOT_FOUND, "unknown service")
        return health()


async def watch(_, context):
    async with call("Watch", context):
        yield health()
        await asyncio.Event().wait()


FORMS = {
    (False, False): grpc.unary_unary_rpc_method_handler,
    (False, True): grpc.unary_stream_rpc_method_handler,
    (True, False): grpc.stream_unary_rpc_method_handler,
    (True, True): grpc.stream_stream_rpc_method_handler,
}


def handler(behaviour, request, response, has_requests, has_responses):
    return FORMS[has_requests, has_responses](
        behaviour,
        request_deserializer=messages.get(request).FromString,
        response_serializer=messages.get(response).SerializeToString,
    )


BEHAVIOURS = {
    "EmptyCall": empty_call,
    "UnaryCall": unary_call,
    "StreamingOutputCall": streaming_output_call,
    "StreamingInputCall": streaming_input_call,
    "FullDuplexCall": full_duplex_call,
}
HEALTH = ("grpc.health.v1.HealthCheckRequest", "grpc.health.v1.HealthCheckResponse")


async def main():
    server = grpc.aio.server(options=UNLIMITED)
    tests = {
        name: handler(BEHAVIOURS[name], "grpc.testing." + request, "grpc.testing." + response, *forms)
        for name, (request, response, *forms) in TEST_METHODS.items()
    }
    checks = {
        "Check": handler(check, *HEALTH, False, False),
        "Watch": handler(watch, *HEALTH, False, True),
    }
    server.add_generic_rpc_handlers(
        [
            grpc.method_handlers_generic_handler("grpc.testing.TestService", tests),
            grpc.method_handlers_generic_handler("grpc.health.v1.Health", checks),
        ]
    )
    port = server.add_insecure_port(host + ":0")
    await server.start()
    say(event="listening", port=port)
    await server.wait_for_termination()


asyncio.run(main())
