"""usage: client.py grpc|websocket|smtp|raw HOST PORT TEXT: says the text to a server of servers.py, and prints what comes back. Calls by name, sets no proxy, imports what Debian ships."""

import sys


def grpc(host, port, text):
    import grpc

    with grpc.insecure_channel(f"{host}:{port}") as channel:
        return channel.unary_unary("/scenario.Echo/Say")(text.encode(), timeout=15).decode()


def websocket(host, port, text):
    import asyncio

    import websockets

    async def talk():
        async with websockets.connect(f"ws://{host}:{port}/", compression=None, open_timeout=15) as connection:
            await connection.send(text)
            return await asyncio.wait_for(connection.recv(), 15)

    return asyncio.run(talk())


def smtp(host, port, text):
    import smtplib

    with smtplib.SMTP(host, int(port), timeout=15) as mail:
        mail.ehlo()
        return mail.verify(text)[1].decode()


def raw(host, port, text):
    import socket

    with socket.create_connection((host, int(port)), 15) as connection:
        connection.sendall(text.encode())
        connection.shutdown(socket.SHUT_WR)
        return connection.makefile().read()


print(globals()[sys.argv[1]](*sys.argv[2:]))
