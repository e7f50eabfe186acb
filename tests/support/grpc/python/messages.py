"""The messages of the interoperability tests, from descriptors that the tests write into a file."""

import json
import base64

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

ECHO_INITIAL = "x-grpc-test-echo-initial"
ECHO_TRAILING = "x-grpc-test-echo-trailing-bin"
ECHO_DETAILS = "x-grpc-test-echo-details-bin"
STATUS_DETAILS = "grpc-status-details-bin"

UNLIMITED = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]


class Messages:
    """The message classes by their names in the .proto files."""

    def __init__(self, path):
        pool = descriptor_pool.DescriptorPool()
        with open(path, encoding="ascii") as file:
            for text in json.load(file):
                pool.Add(descriptor_pb2.FileDescriptorProto.FromString(base64.b64decode(text)))
        self._pool = pool
        self._factory = message_factory.MessageFactory(pool)

    def get(self, name):
        return self._factory.GetPrototype(self._pool.FindMessageTypeByName(name))

    def testing(self, name):
        return self.get("grpc.testing." + name)


# Methods of the services: name, forms of the request and the response, and which of the two are streams.
TEST_METHODS = {
    "EmptyCall": ("Empty", "Empty", False, False),
    "UnaryCall": ("SimpleRequest", "SimpleResponse", False, False),
    "StreamingOutputCall": ("StreamingOutputCallRequest", "StreamingOutputCallResponse", False, True),
    "StreamingInputCall": ("StreamingInputCallRequest", "StreamingInputCallResponse", True, False),
    "FullDuplexCall": ("StreamingOutputCallRequest", "StreamingOutputCallResponse", True, True),
}
