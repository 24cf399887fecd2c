"""usage: servers.py PROTOCOL=PORT...: small servers of HTTP, gRPC, WebSocket, SMTP and of raw bytes. Each says back what it was told, in the clear, and none knows of a mesh."""

import asyncio
import http.server
import sys
import threading


class Web(http.server.BaseHTTPRequestHandler):
    """Answers with the body it was sent and with the identity that the caller's certificate proved."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        answer = body + b" from " + self.headers.get("x-forwarded-client-cert", "nobody").encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


async def web(port):
    server = http.server.ThreadingHTTPServer(("", port), Web)
    threading.Thread(target=server.serve_forever, daemon=True).start()


async def grpc(port):
    import grpc

    async def echo(text, _):
        return text

    server = grpc.aio.server()
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("scenario.Echo", {"Say": grpc.unary_unary_rpc_method_handler(echo)})])
    server.add_insecure_port(f"0.0.0.0:{port}")
    await server.start()
    return server


async def websocket(port):
    import websockets

    async def echo(connection, *_):
        async for message in connection:
            await connection.send(message)

    await websockets.serve(echo, "", port, compression=None)  # what is compressed could not be searched for on the wire


async def smtp(port):
    async def session(reader, writer):
        writer.write(b"220 mail.example ESMTP\r\n")
        while line := (await reader.readline()).decode().strip():
            verb, _, rest = line.partition(" ")
            writer.write({"EHLO": "250 mail.example", "VRFY": f"252 {rest}", "QUIT": "221 bye"}.get(verb.upper(), "502 what?").encode() + b"\r\n")
            if verb.upper() == "QUIT":
                break
        writer.close()

    await asyncio.start_server(session, "", port)


async def raw(port):
    """Says nothing before its client has ended, and everything after."""

    async def session(reader, writer):
        heard = await reader.read()
        writer.write(b"after your end: " + heard)
        writer.close()

    await asyncio.start_server(session, "", port)


async def main():
    kept = []  # a gRPC server that nobody holds ends
    for argument in sys.argv[1:]:
        protocol, port = argument.split("=")
        kept.append(await globals()[protocol](int(port)))
    print("listening", flush=True)
    await asyncio.Event().wait()


asyncio.run(main())
