"""The messages and methods of testing.proto for grpcio, without generated code: the file is read when this module is."""

import gzip
import os
import re

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

PACKAGE = "grpc.testing"
_TEXT = re.sub(r"//.*", "", open(os.path.join(os.path.dirname(__file__), "../testing.proto")).read())
_FIELD = descriptor_pb2.FieldDescriptorProto
_SCALARS = {"bool": _FIELD.TYPE_BOOL, "int32": _FIELD.TYPE_INT32, "bytes": _FIELD.TYPE_BYTES, "string": _FIELD.TYPE_STRING}


def _messages():
    file = descriptor_pb2.FileDescriptorProto(name="testing.proto", package=PACKAGE, syntax="proto3")
    for name, body in re.findall(r"message (\w+) \{([^}]*)\}", _TEXT):
        message = file.message_type.add(name=name)
        for repeated, kind, field, number in re.findall(r"(repeated )?(\w+) (\w+) = (\d+);", body):
            added = message.field.add(name=field, number=int(number), label=_FIELD.LABEL_REPEATED if repeated else _FIELD.LABEL_OPTIONAL)
            if kind in _SCALARS:
                added.type = _SCALARS[kind]
            else:
                added.type, added.type_name = _FIELD.TYPE_MESSAGE, f".{PACKAGE}.{kind}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    factory = message_factory.MessageFactory(pool)
    return {m.name: factory.GetPrototype(pool.FindMessageTypeByName(f"{PACKAGE}.{m.name}")) for m in file.message_type}


MESSAGES = _messages()
Empty, BoolValue, Payload, EchoStatus, ResponseParameters = (
    MESSAGES[n] for n in ("Empty", "BoolValue", "Payload", "EchoStatus", "ResponseParameters"))
SimpleRequest, SimpleResponse = MESSAGES["SimpleRequest"], MESSAGES["SimpleResponse"]
InputRequest, InputResponse = MESSAGES["StreamingInputCallRequest"], MESSAGES["StreamingInputCallResponse"]
OutputRequest, OutputResponse = MESSAGES["StreamingOutputCallRequest"], MESSAGES["StreamingOutputCallResponse"]

# (service, method) -> (client streams, request, server streams, response)
METHODS = {
    (service, method): (bool(up), MESSAGES[request], bool(down), MESSAGES[response])
    for service, body in re.findall(r"service (\w+) \{([^}]*)\}", _TEXT)
    for method, up, request, down, response in re.findall(r"rpc (\w+)\((stream )?(\w+)\) returns \((stream )?(\w+)\);", body)
}

# The library is told to leave messages as they came, so that it can be seen which were compressed: gzip's first bytes begin no message.
OPTIONS = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1), ("grpc.per_message_decompression", 0)]


def parser(kind):
    def parse(data):
        compressed = data[:2] == b"\x1f\x8b"
        return kind.FromString(gzip.decompress(data) if compressed else data), compressed

    return parse


def serialize(message):
    return message.SerializeToString()
