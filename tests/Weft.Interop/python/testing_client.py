"""usage: testing_client.py TARGET CASE[=COUNT]...: runs cases of gRPC's interoperability tests, in order, and prints each as one JSON line
{case, ok, detail}. `status=/SERVICE/METHOD` calls a method and prints how that ended instead: {code, details}."""

import json
import os
import queue
import sys
import threading
import time
import uuid

import grpc

import testing
from testing import BoolValue, Empty, EchoStatus, InputRequest, OutputRequest, Payload, ResponseParameters, SimpleRequest

TARGET = sys.argv[1]
OPTIONS = testing.OPTIONS + [("grpc.enable_http_proxy", 1 if os.environ.get("grpc_proxy") else 0)]
INITIAL, TRAILING = "x-grpc-test-echo-initial", "x-grpc-test-echo-trailing-bin"
LARGE_REQUEST, LARGE_RESPONSE = 271828, 314159


def connect(unique=False):
    # Channels of the same target and options share one connection unless an option tells them apart.
    return grpc.insecure_channel(TARGET, options=OPTIONS + ([("grpc.use_local_subchannel_pool", 1)] if unique else []))


def method(channel, name, service="TestService"):
    up, _, down, response = testing.METHODS[service, name]
    make = getattr(channel, f"{'stream' if up else 'unary'}_{'stream' if down else 'unary'}")
    return make(f"/{testing.PACKAGE}.{service}/{name}", testing.serialize, testing.parser(response))


channel = connect()
empty_call, unary_call, streaming_input, streaming_output, full_duplex = (
    method(channel, n) for n in ("EmptyCall", "UnaryCall", "StreamingInputCall", "StreamingOutputCall", "FullDuplexCall"))


def equal(actual, expected, what=""):
    assert actual == expected, f"{what} {actual!r} instead of {expected!r}"


def zeros(size):
    return Payload(body=bytes(size))


def noise(size):
    """What compression makes no smaller: the library then sends it as it is."""
    return Payload(body=os.urandom(size))


def large(**fields):
    return SimpleRequest(response_size=LARGE_RESPONSE, payload=zeros(LARGE_REQUEST), **fields)


def failure(call):
    try:
        for _ in call() if callable(call) else call:
            pass
    except grpc.RpcError as error:
        return error.code(), error.details()
    return grpc.StatusCode.OK, ""


def unary_failure(call, *args, **options):
    try:
        call(*args, **options)
    except grpc.RpcError as error:
        return error.code(), error.details()
    return grpc.StatusCode.OK, ""


class Sending:
    """Requests of a stream, one at a time."""

    def __init__(self):
        self._queue = queue.Queue()

    def put(self, message):
        self._queue.put(message)

    def end(self):
        self._queue.put(None)

    def __iter__(self):
        return iter(self._queue.get, None)


def empty_unary():
    response, _ = empty_call(Empty())
    equal(response.ByteSize(), 0)


def large_unary(call=unary_call):
    response, _ = call(large())
    equal(len(response.payload.body), LARGE_RESPONSE)


def client_compressed_unary():
    code, _ = unary_failure(unary_call, large(expect_compressed=BoolValue(value=True)))
    equal(code, grpc.StatusCode.INVALID_ARGUMENT, "an uncompressed probe")
    for compressed in True, False:
        response, _ = unary_call(
            large(expect_compressed=BoolValue(value=compressed)), compression=grpc.Compression.Gzip if compressed else None)
        equal(len(response.payload.body), LARGE_RESPONSE)


def server_compressed_unary():
    for expected in True, False:
        response, compressed = unary_call(large(response_compressed=BoolValue(value=expected)))
        equal((compressed, len(response.payload.body)), (expected, LARGE_RESPONSE))


def client_streaming():
    response, _ = streaming_input(InputRequest(payload=zeros(size)) for size in (27182, 8, 1828, 45904))
    equal(response.aggregated_payload_size, 74922)


def client_compressed_streaming():
    requests = [
        InputRequest(payload=zeros(27182), expect_compressed=BoolValue(value=True)),
        InputRequest(payload=noise(45904), expect_compressed=BoolValue(value=False)),
    ]
    code, _ = unary_failure(streaming_input, iter(requests))
    equal(code, grpc.StatusCode.INVALID_ARGUMENT, "an uncompressed probe")
    response, _ = streaming_input(iter(requests), compression=grpc.Compression.Gzip)
    equal(response.aggregated_payload_size, 73086)


def server_streaming():
    sizes = [31415, 9, 2653, 58979]
    responses = streaming_output(OutputRequest(response_parameters=[ResponseParameters(size=size) for size in sizes]))
    equal([len(response.payload.body) for response, _ in responses], sizes)


def server_compressed_streaming():
    parameters = [ResponseParameters(size=31415, compressed=BoolValue(value=True)), ResponseParameters(size=92653, compressed=BoolValue(value=False))]
    responses = [(len(response.payload.body), compressed) for response, compressed in streaming_output(OutputRequest(response_parameters=parameters))]
    equal(responses, [(31415, True), (92653, False)])


def ping_pong():
    sending = Sending()
    call = full_duplex(iter(sending))
    for response_size, request_size in (31415, 27182), (9, 8), (2653, 1828), (58979, 45904):
        sending.put(OutputRequest(response_parameters=[ResponseParameters(size=response_size)], payload=zeros(request_size)))
        response, _ = next(call)
        equal(len(response.payload.body), response_size)
    sending.end()
    equal(list(call), [])


def empty_stream():
    call = full_duplex(iter(()))
    equal(list(call), [])
    equal(call.code(), grpc.StatusCode.OK)


def custom_metadata():
    sent = [(INITIAL, "test_initial_metadata_value"), (TRAILING, b"\xab\xab\xab")]
    response, call = unary_call.with_call(SimpleRequest(response_size=1, payload=zeros(1)), metadata=sent)
    equal(dict(call.initial_metadata()).get(INITIAL), "test_initial_metadata_value")
    equal(dict(call.trailing_metadata()).get(TRAILING), b"\xab\xab\xab")
    stream = full_duplex(iter([OutputRequest(response_parameters=[ResponseParameters(size=1)])]), metadata=sent)
    equal(len(list(stream)), 1)
    equal(dict(stream.initial_metadata()).get(INITIAL), "test_initial_metadata_value")
    equal(dict(stream.trailing_metadata()).get(TRAILING), b"\xab\xab\xab")


def status_code_and_message():
    status = EchoStatus(code=2, message="test status message")
    expected = (grpc.StatusCode.UNKNOWN, "test status message")
    equal(unary_failure(unary_call, SimpleRequest(response_status=status)), expected)
    equal(failure(full_duplex(iter([OutputRequest(response_status=status)]))), expected)


def special_status_message():
    message = "\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n"
    equal(unary_failure(unary_call, SimpleRequest(response_status=EchoStatus(code=2, message=message))), (grpc.StatusCode.UNKNOWN, message))


def unimplemented_method():
    equal(unary_failure(method(channel, "UnimplementedCall"), Empty())[0], grpc.StatusCode.UNIMPLEMENTED)


def unimplemented_service():
    equal(unary_failure(method(channel, "UnimplementedCall", "UnimplementedService"), Empty())[0], grpc.StatusCode.UNIMPLEMENTED)


def expect_cancelled_at_the_server(call_id):
    """The server itself waits a second for it, no longer."""
    response, _ = method(channel, "WaitCancelled", "Observer")(SimpleRequest(payload=Payload(body=call_id.encode())))
    assert response.value, "the server saw no cancellation within a second"


def cancel_after_begin():
    sending, call_id = Sending(), str(uuid.uuid4())
    call = streaming_input.future(iter(sending), metadata=[("x-call-id", call_id)])
    time.sleep(0.1)  # the library gives no sign that the head has left
    call.cancel()
    equal(call.code(), grpc.StatusCode.CANCELLED)
    sending.end()
    expect_cancelled_at_the_server(call_id)


def cancel_after_first_response():
    sending, call_id = Sending(), str(uuid.uuid4())
    call = full_duplex(iter(sending), metadata=[("x-call-id", call_id)])
    sending.put(OutputRequest(response_parameters=[ResponseParameters(size=31415)], payload=zeros(27182)))
    equal(len(next(call)[0].payload.body), 31415)
    call.cancel()
    equal(failure(call)[0], grpc.StatusCode.CANCELLED)
    sending.end()
    expect_cancelled_at_the_server(call_id)


def timeout_on_sleeping_server():
    sending = Sending()
    call = full_duplex(iter(sending), timeout=0.001)
    sending.put(OutputRequest(payload=zeros(27182)))
    equal(failure(call)[0], grpc.StatusCode.DEADLINE_EXCEEDED)
    sending.end()
    # A longer one, answered by the server: what it was told may be less, and never more.
    time_left = method(channel, "TimeLeft", "Observer")
    told = time_left(Empty(), timeout=30)[0].aggregated_payload_size
    assert 1 <= told <= 30_300, f"the server was told of {told} ms"  # the library rounds up what it sends
    equal(time_left(Empty())[0].aggregated_payload_size, 0)


def rpc_soak(count=1000):
    for _ in range(count):
        large_unary()


def channel_soak(count=100):
    for _ in range(count):
        with connect(unique=True) as own:
            large_unary(method(own, "UnaryCall"))


def concurrent_large_unary(count=1000):
    request = large()
    calls = [unary_call.future(request) for _ in range(count)]
    for call in calls:
        equal(len(call.result()[0].payload.body), LARGE_RESPONSE)


def concurrent_streams(count=1000):
    """All are open at once on one connection, each has had an answer and waits for the next."""
    sendings = [Sending() for _ in range(count)]
    calls = [full_duplex(iter(sending)) for sending in sendings]
    for size in 17, 1700:
        for sending in sendings:
            sending.put(OutputRequest(response_parameters=[ResponseParameters(size=size)]))
        for call in calls:
            equal(len(next(call)[0].payload.body), size)
    for sending in sendings:
        sending.end()
    for call in calls:
        equal(list(call), [])


def server_dies():
    sending = Sending()
    call = method(channel, "Die", "Observer")(iter(sending))
    sending.put(Empty())
    next(call)
    sending.put(Empty())
    code, _ = failure(call)
    assert code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN, grpc.StatusCode.CANCELLED), code
    sending.end()


def show(**result):
    print(json.dumps(result), flush=True)


for argument in sys.argv[2:]:
    name, _, value = argument.partition("=")
    if name == "status":
        call = channel.unary_unary(value, testing.serialize, testing.parser(Empty))
        code, details = unary_failure(call, SimpleRequest(payload=zeros(10)))
        show(code=code.value[0], details=details)
        continue
    started = time.monotonic()
    try:
        globals()[name](*([int(value)] if value else []))
        show(case=name, ok=True, detail=f"{time.monotonic() - started:.2f} s")
    except grpc.RpcError as error:
        show(case=name, ok=False, detail=f"{error.code()}: {error.details()}")
    except (AssertionError, StopIteration) as error:
        show(case=name, ok=False, detail=f"{error}")
channel.close()
os._exit(0)  # streams that were left open would keep their threads
