"""usage: testing_server.py [PORT]: serves testing.proto, prints its port, ends with its standard input."""

import os
import sys
import threading
from concurrent import futures

import grpc

import testing
from testing import BoolValue, Empty, InputResponse, OutputResponse, Payload, SimpleResponse

CODES = {code.value[0]: code for code in grpc.StatusCode}
INITIAL, TRAILING = "x-grpc-test-echo-initial", "x-grpc-test-echo-trailing-bin"
cancelled, changed = set(), threading.Condition()


def payload(size):
    return Payload(body=bytes(size))


def begin(context):
    """Echoes metadata and watches for the client's cancellation."""
    metadata = dict(context.invocation_metadata())
    if INITIAL in metadata:
        context.send_initial_metadata([(INITIAL, metadata[INITIAL])])
    if TRAILING in metadata:
        context.set_trailing_metadata([(TRAILING, metadata[TRAILING])])
    if "x-call-id" in metadata:

        def ended():
            with changed:
                cancelled.add(metadata["x-call-id"])
                changed.notify_all()

        context.add_callback(ended)


def check(request, context):
    if request.HasField("response_status") and request.response_status.code:
        context.abort(CODES[request.response_status.code], request.response_status.message)


def check_compressed(request, compressed, context):
    if request.HasField("expect_compressed") and request.expect_compressed.value != compressed:
        context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"compressed: {compressed}")


def empty_call(request, context):
    return Empty()


def unary_call(received, context):
    request, compressed = received
    begin(context)
    check_compressed(request, compressed, context)
    check(request, context)
    if request.response_compressed.value:
        context.set_compression(grpc.Compression.Gzip)
    return SimpleResponse(payload=payload(request.response_size))


def streaming_input_call(requests, context):
    begin(context)
    size = 0
    for request, compressed in requests:
        check_compressed(request, compressed, context)
        size += len(request.payload.body)
    return InputResponse(aggregated_payload_size=size)


def outputs(request, context):
    for parameters in request.response_parameters:
        if not parameters.compressed.value:
            context.disable_next_message_compression()
        yield OutputResponse(payload=payload(parameters.size))


def streaming_output_call(received, context):
    request, _ = received
    begin(context)
    if any(p.compressed.value for p in request.response_parameters):
        context.set_compression(grpc.Compression.Gzip)
    yield from outputs(request, context)


def full_duplex_call(requests, context):
    begin(context)
    for request, _ in requests:
        check(request, context)
        yield from outputs(request, context)


def wait_cancelled(received, context):
    call = received[0].payload.body.decode()
    with changed:
        return BoolValue(value=changed.wait_for(lambda: call in cancelled, 1))


def time_left(received, context):
    left = context.time_remaining()
    # Without a deadline the library tells of one in the far future.
    return InputResponse(aggregated_payload_size=0 if left > 1e6 else max(1, int(left * 1000)))


def die(requests, context):
    next(requests)
    yield Empty()
    next(requests)
    os._exit(1)


HANDLERS = {
    ("TestService", "EmptyCall"): empty_call,
    ("TestService", "UnaryCall"): unary_call,
    ("TestService", "StreamingInputCall"): streaming_input_call,
    ("TestService", "StreamingOutputCall"): streaming_output_call,
    ("TestService", "FullDuplexCall"): full_duplex_call,
    ("Observer", "WaitCancelled"): wait_cancelled,
    ("Observer", "TimeLeft"): time_left,
    ("Observer", "Die"): die,
}


def method_handler(key):
    up, request, down, _ = testing.METHODS[key]
    kind = getattr(grpc, f"{'stream' if up else 'unary'}_{'stream' if down else 'unary'}_rpc_method_handler")
    return kind(HANDLERS[key], testing.parser(request), testing.serialize)


server = grpc.server(futures.ThreadPoolExecutor(1100), options=testing.OPTIONS)
server.add_generic_rpc_handlers([
    grpc.method_handlers_generic_handler(
        f"{testing.PACKAGE}.{service}", {m: method_handler((s, m)) for s, m in HANDLERS if s == service})
    for service in ("TestService", "Observer")
])
port = server.add_insecure_port(f"127.0.0.1:{sys.argv[1] if len(sys.argv) > 1 else 0}")
server.start()
print(port, flush=True)
sys.stdin.read()
server.stop(0)
