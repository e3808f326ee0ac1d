"""Asks the server: `python -m greet.client greet NAME`, or `health`."""

import argparse
import json
import sys

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from greet.server import METHOD, SERVICE

PATIENCE = 10
"""Seconds that the server gets to answer."""


def main() -> int:
    """The program: see the head of the file."""
    parser = argparse.ArgumentParser(prog="greet.client")
    parser.add_argument("--port", type=int, default=50051)
    parser.add_argument("what", choices=("greet", "health"))
    parser.add_argument("name", nargs="?", default="")
    options = parser.parse_args()
    try:
        with grpc.insecure_channel(f"127.0.0.1:{options.port}") as channel:
            print(greeting(channel, options.name) if options.what == "greet" else health(channel))
    except grpc.RpcError as error:
        sys.exit(f"{error.code().name}: {error.details()}")
    return 0


def greeting(channel: grpc.Channel, name: str) -> str:
    """What the server says to somebody."""
    call = channel.unary_unary(
        f"/{SERVICE}/{METHOD}",
        request_serializer=lambda request: json.dumps(request).encode(),
        response_deserializer=json.loads,
    )
    return str(call({"name": name}, timeout=PATIENCE)["text"])


def health(channel: grpc.Channel) -> str:
    """What the server says of itself. Ends the program where it does not serve."""
    request = health_pb2.HealthCheckRequest(service=SERVICE)
    status = health_pb2_grpc.HealthStub(channel).Check(request, timeout=PATIENCE).status
    if status != health_pb2.HealthCheckResponse.SERVING:
        sys.exit("it does not serve")
    return "serving"


if __name__ == "__main__":
    sys.exit(main())
