"""A client of gRPC's interoperability cases on the C core: it performs one, and exits with 0 when it passes.

client.py DESCRIPTORS HOST:PORT CASE
https://github.com/grpc/grpc/blob/master/doc/interop-test-descriptions.md
"""

import queue
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

REQUEST_SIZES = [27182, 8, 1828, 45904]
RESPONSE_SIZES = [31415, 9, 2653, 58979]
SPECIAL_MESSAGE = "\t\ntest with whitespace\r\nand Unicode BMP \u263a and non-BMP \U0001f608\t\n"
TRAILING = b"\xab\xab\xab\x00\xff"
# For calls that never end, s. It is no bound on speed.
PATIENCE = 120

messages = Messages(sys.argv[1])
testing = messages.testing


class Requests:
    """The requests of a call, as they are written."""

    def __init__(self):
        self._queue = queue.Queue()

    def write(self, request):
        self._queue.put(request)

    def end(self):
        self._queue.put(None)

    def __iter__(self):
        return self

    def __next__(self):
        request = self._queue.get()
        if request is None:
            raise StopIteration
        return request


class Client:
    def __init__(self, at, **options):
        self.channel = grpc.insecure_channel(at, options=UNLIMITED, **options)

    def method(self, path, request, response, has_requests, has_responses):
        form = {
            (False, False): self.channel.unary_unary,
            (False, True): self.channel.unary_stream,
            (True, False): self.channel.stream_unary,
            (True, True): self.channel.stream_stream,
        }[has_requests, has_responses]
        return form(
            path,
            request_serializer=messages.get(request).SerializeToString,
            response_deserializer=messages.get(response).FromString,
        )

    def test(self, name):
        request, response, *forms = TEST_METHODS[name]
        path = "/grpc.testing.TestService/" + name
        return self.method(path, "grpc.testing." + request, "grpc.testing." + response, *forms)

    def health(self, name, has_responses):
        request, response = "grpc.health.v1.HealthCheckRequest", "grpc.health.v1.HealthCheckResponse"
        return self.method("/grpc.health.v1.Health/" + name, request, response, False, has_responses)


def simple(size=0, response_size=0, **more):
    request = testing("SimpleRequest")(response_size=response_size, **more)
    if size:
        request.payload.body = bytes(size)
    return request


def output(response_size=None, size=0, **more):
    request = testing("StreamingOutputCallRequest")(**more)
    if response_size is not None:
        request.response_parameters.add(size=response_size)
    if size:
        request.payload.body = bytes(size)
    return request


def status(code, message):
    return testing("EchoStatus")(code=code, message=message)


def same(found, expected):
    assert found == expected, f"{found!r} is not {expected!r}"


def failure(call):
    """The error of a call that must fail."""
    try:
        call()
    except grpc.RpcError as error:
        return error
    raise AssertionError("The call did not fail.")


def fails(call, code, details=None):
    error = failure(call)
    same(error.code(), code)
    if details is not None:
        same(error.details(), details)
    return error


def empty_unary(client):
    client.test("EmptyCall")(testing("Empty")(), timeout=PATIENCE)


def large_unary(client):
    response = client.test("UnaryCall")(simple(271828, 314159), timeout=PATIENCE)
    same(len(response.payload.body), 314159)


def client_streaming(client):
    form = testing("StreamingInputCallRequest")
    requests = [form(payload=testing("Payload")(body=bytes(size))) for size in REQUEST_SIZES]
    response = client.test("StreamingInputCall")(iter(requests), timeout=PATIENCE)
    same(response.aggregated_payload_size, 74922)


def server_streaming(client):
    request = output()
    for size in RESPONSE_SIZES:
        request.response_parameters.add(size=size)
    responses = client.test("StreamingOutputCall")(request, timeout=PATIENCE)
    same([len(response.payload.body) for response in responses], RESPONSE_SIZES)


def ping_pong(client):
    requests = Requests()
    call = client.test("FullDuplexCall")(requests, timeout=PATIENCE)
    for size, response_size in zip(REQUEST_SIZES, RESPONSE_SIZES):
        requests.write(output(response_size, size))
        same(len(next(call).payload.body), response_size)
    requests.end()
    same(list(call), [])
    same(call.code(), grpc.StatusCode.OK)


def empty_stream(client):
    same(list(client.test("FullDuplexCall")(iter([]), timeout=PATIENCE)), [])


def custom_metadata(client):
    metadata = [(ECHO_INITIAL, "test_initial_metadata_value"), (ECHO_TRAILING, TRAILING)]
    _, unary = client.test("UnaryCall").with_call(simple(271828, 314159), metadata=metadata, timeout=PATIENCE)
    requests = iter([output(314159, 271828)])
    duplex = client.test("FullDuplexCall")(requests, metadata=metadata, timeout=PATIENCE)
    same(len(list(duplex)), 1)
    for call in (unary, duplex):
        same(dict(call.initial_metadata())[ECHO_INITIAL], "test_initial_metadata_value")
        same(dict(call.trailing_metadata())[ECHO_TRAILING], TRAILING)


def binary_metadata(client):
    """The test looks at what the server got."""
    metadata = [("token-bin", bytes(range(256))), ("tag", "one"), ("tag", "two")]
    client.test("EmptyCall")(testing("Empty")(), metadata=metadata, timeout=PATIENCE)


def status_code_and_message(client):
    asked = status(2, "test status message")
    unary = lambda: client.test("UnaryCall")(simple(response_status=asked), timeout=PATIENCE)
    duplex = lambda: list(
        client.test("FullDuplexCall")(iter([output(response_status=asked)]), timeout=PATIENCE)
    )
    for call in (unary, duplex):
        fails(call, grpc.StatusCode.UNKNOWN, "test status message")


def special_status_message(client):
    request = simple(response_status=status(2, SPECIAL_MESSAGE))
    fails(
        lambda: client.test("UnaryCall")(request, timeout=PATIENCE),
        grpc.StatusCode.UNKNOWN,
        SPECIAL_MESSAGE,
    )


def status_details(client):
    details = bytes(range(256)) * 8
    request = simple(response_status=status(9, "see the details"))
    error = fails(
        lambda: client.test("UnaryCall")(request, metadata=[(ECHO_DETAILS, details)], timeout=PATIENCE),
        grpc.StatusCode.FAILED_PRECONDITION,
        "see the details",
    )
    same(dict(error.trailing_metadata())[STATUS_DETAILS], details)


def unimplemented_method(client):
    path = "/grpc.testing.TestService/UnimplementedCall"
    method = client.method(path, "grpc.testing.Empty", "grpc.testing.Empty", False, False)
    fails(lambda: method(testing("Empty")(), timeout=PATIENCE), grpc.StatusCode.UNIMPLEMENTED)


def unimplemented_service(client):
    path = "/grpc.testing.UnimplementedService/UnimplementedCall"
    method = client.method(path, "grpc.testing.Empty", "grpc.testing.Empty", False, False)
    fails(lambda: method(testing("Empty")(), timeout=PATIENCE), grpc.StatusCode.UNIMPLEMENTED)


def trailers_only_error(client):
    """A status in place of a response: there is no initial metadata but that of the proxies."""
    path = "/grpc.testing.TestService/UnimplementedCall"
    method = client.method(path, "grpc.testing.Empty", "grpc.testing.Empty", True, True)
    call = method(iter([]), timeout=PATIENCE)
    fails(lambda: list(call), grpc.StatusCode.UNIMPLEMENTED)
    same(list(call.initial_metadata()), [])


def cancel_after_begin(client):
    requests = Requests()
    call = client.test("StreamingInputCall").future(requests, timeout=PATIENCE)
    call.cancel()
    same(call.code(), grpc.StatusCode.CANCELLED)
    requests.end()


def cancel_after_first_response(client):
    requests = Requests()
    call = client.test("FullDuplexCall")(requests, timeout=PATIENCE)
    requests.write(output(31415, 27182))
    next(call)
    call.cancel()
    fails(lambda: next(call), grpc.StatusCode.CANCELLED)
    requests.end()


def timeout_on_sleeping_server(client):
    requests = Requests()
    # A deadline of milliseconds would pass in the client alone while it connects.
    client.test("EmptyCall")(testing("Empty")(), timeout=PATIENCE)
    call = client.test("FullDuplexCall")(requests, timeout=1)
    requests.write(output(size=27182))
    fails(lambda: next(call), grpc.StatusCode.DEADLINE_EXCEEDED)
    requests.end()


def early_status(client):
    """The server ends a call before its client has ended it."""
    requests = Requests()
    call = client.test("FullDuplexCall")(requests, timeout=PATIENCE)
    requests.write(output(1))
    next(call)
    requests.write(output(response_status=status(10, "early")))
    fails(lambda: next(call), grpc.StatusCode.ABORTED, "early")
    requests.end()


def large_messages(client):
    response = client.test("UnaryCall")(simple(8_000_000, 9_000_000), timeout=PATIENCE)
    same(len(response.payload.body), 9_000_000)


def large_streams(client):
    requests = iter([output(5_000_000, 5_000_000) for _ in range(4)])
    responses = client.test("FullDuplexCall")(requests, timeout=PATIENCE)
    same([len(response.payload.body) for response in responses], [5_000_000] * 4)


def compressed_messages(client):
    compressing = Client(sys.argv[2], compression=grpc.Compression.Gzip)
    large_unary(compressing)
    ping_pong(compressing)


def concurrent_calls(client):
    method = client.test("UnaryCall")
    calls = [method.future(simple(1000, 1000 + index), timeout=PATIENCE) for index in range(200)]
    same([len(call.result().payload.body) for call in calls], [1000 + index for index in range(200)])


def health_check(client):
    form = messages.get("grpc.health.v1.HealthCheckRequest")
    check = client.health("Check", False)
    same(check(form(), timeout=PATIENCE).status, 1)
    unknown = lambda: check(form(service="nothing"), timeout=PATIENCE)
    fails(unknown, grpc.StatusCode.NOT_FOUND, "unknown service")


def health_watch(client):
    form = messages.get("grpc.health.v1.HealthCheckRequest")
    watch = client.health("Watch", True)(form(), timeout=PATIENCE)
    same(next(watch).status, 1)
    watch.cancel()
    fails(lambda: next(watch), grpc.StatusCode.CANCELLED)


CASES = [
    empty_unary,
    large_unary,
    client_streaming,
    server_streaming,
    ping_pong,
    empty_stream,
    custom_metadata,
    binary_metadata,
    status_code_and_message,
    special_status_message,
    status_details,
    unimplemented_method,
    unimplemented_service,
    trailers_only_error,
    cancel_after_begin,
    cancel_after_first_response,
    timeout_on_sleeping_server,
    early_status,
    large_messages,
    large_streams,
    compressed_messages,
    concurrent_calls,
    health_check,
    health_watch,
]


def main():
    case = next(each for each in CASES if each.__name__ == sys.argv[3])
    client = Client(sys.argv[2])
    case(client)
    client.channel.close()


main()
