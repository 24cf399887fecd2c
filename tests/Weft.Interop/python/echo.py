"""The echo service's messages and paths for grpcio, without generated code: a StringValue is one field."""

SERVICE = "weft.test.Echo"
UNARY = f"/{SERVICE}/Unary"
CHAT = f"/{SERVICE}/Chat"


def serialize(text):
    body = text.encode()
    if not body:
        return b""
    size, length = b"", len(body)
    while length > 0x7F:
        size += bytes([length & 0x7F | 0x80])
        length >>= 7
    return b"\x0a" + size + bytes([length]) + body


def parse(data):
    if not data:
        return ""
    assert data[0] == 0x0A, data[:1]
    at, shift, length = 1, 0, 0
    while True:
        length |= (data[at] & 0x7F) << shift
        shift += 7
        at += 1
        if data[at - 1] < 0x80:
            break
    assert len(data) == at + length
    return data[at:].decode()
