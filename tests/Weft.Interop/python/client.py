"""usage: client.py ADDRESS [gzip]: runs the cases and prints each as one JSON line {name, code, details, value}."""

import json
import queue
import sys

import grpc

from echo import CHAT, SERVICE, UNARY, parse, serialize

compression = grpc.Compression.Gzip if sys.argv[2:] == ["gzip"] else grpc.Compression.NoCompression
channel = grpc.insecure_channel(
    sys.argv[1],
    options=[("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1), ("grpc.enable_http_proxy", 0)],
    compression=compression,
)
unary_call = channel.unary_unary(UNARY, serialize, parse)
chat_call = channel.stream_stream(CHAT, serialize, parse)


def show(name, code, details, value):
    print(json.dumps({"name": name, "code": code, "details": details, "value": value}), flush=True)


def unary(name, text, call=unary_call, shorten=False, **options):
    try:
        answer = call(text, **options)
        show(name, 0, "", str(len(answer)) if shorten else answer)
    except grpc.RpcError as error:
        show(name, error.code().value[0], error.details(), "")


def chat(name, begin, heard=lambda call, sending, values: None):
    sending = queue.Queue()
    for text in begin:
        sending.put(text)
    call = chat_call(iter(sending.get, None))
    values = []
    try:
        for value in call:
            values.append(value)
            heard(call, sending, values)
    except grpc.RpcError:
        pass
    sending.put(None)
    show(name, call.code().value[0], call.details(), f"{len(values)}:{values[-1] if values else ''}")


unary("hello", "hello wörld")
unary("empty", "")
unary("status", "fail:7:nö: 100%\nno")
unary("deadline", "sleep:20000", timeout=0.3)
unary("metadata", "meta:authorization", metadata=[("authorization", "Bearer t")])
unary("large", "x" * 3_000_000, shorten=True)
unary("too large", "x" * 5_000_000)
unary("unknown method", "", call=channel.unary_unary(f"/{SERVICE}/Nothing", serialize, parse))
chat("talk", ["1"], lambda call, sending, values: sending.put(str(len(values) + 1) if len(values) < 100 else None))
chat("push", ["push:5000", None])
chat("late status", ["one", "fail:9:not now"])
chat("cancel", ["one"], lambda call, sending, values: call.cancel())
channel.close()
