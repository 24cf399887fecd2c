"""usage: server.py [gzip]: serves the echo service on a free port and prints it; ends with its standard input."""

import re
import sys
import time
from concurrent import futures

import grpc

from echo import SERVICE, parse, serialize

CODES = {code.value[0]: code for code in grpc.StatusCode}


def fail(text, context):
    if failure := re.fullmatch(r"fail:(\d+):(.*)", text, re.DOTALL):
        context.abort(CODES[int(failure[1])], failure[2])


def unary(text, context):
    fail(text, context)
    if text.startswith("sleep:"):
        time.sleep(int(text[6:]) / 1000)
    if text.startswith("meta:"):
        return dict(context.invocation_metadata()).get(text[5:], "")
    return text


def chat(texts, context):
    for text in texts:
        fail(text, context)
        if text.startswith("push:"):
            yield from (str(i + 1) for i in range(int(text[5:])))
        else:
            yield text


compression = grpc.Compression.Gzip if sys.argv[1:] == ["gzip"] else grpc.Compression.NoCompression
server = grpc.server(futures.ThreadPoolExecutor(8), compression=compression)
server.add_generic_rpc_handlers([
    grpc.method_handlers_generic_handler(SERVICE, {
        "Unary": grpc.unary_unary_rpc_method_handler(unary, parse, serialize),
        "Chat": grpc.stream_stream_rpc_method_handler(chat, parse, serialize),
    })
])
port = server.add_insecure_port("127.0.0.1:0")
server.start()
print(port, flush=True)
sys.stdin.read()
server.stop(0)
