"""The server. Its messages are JSON, so that no code has to be generated."""

import argparse
import concurrent.futures
import json
import signal

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

SERVICE, METHOD = "greet.Greeter", "Greet"


def greet(request: dict[str, str], context: grpc.ServicerContext) -> dict[str, str]:
    """The answer to one request: `{"name": ...}`."""
    if not request.get("name"):
        context.abort(grpc.StatusCode.INVALID_ARGUMENT, "name is missing")
    return {"text": f"hello, {request['name']}"}


def serve(port: int) -> grpc.Server:
    """A server that listens on the port of all addresses."""
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(8))
    method = grpc.unary_unary_rpc_method_handler(
        greet, request_deserializer=json.loads, response_serializer=lambda answer: json.dumps(answer).encode()
    )
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(SERVICE, {METHOD: method})])
    state = health.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(state, server)
    if not server.add_insecure_port(f"0.0.0.0:{port}"):
        raise SystemExit(f"port {port} cannot be listened on")
    server.start()
    state.set(SERVICE, health_pb2.HealthCheckResponse.SERVING)
    return server


def main() -> None:
    """The program: serves until it is told to end, then lets requests finish."""
    parser = argparse.ArgumentParser(prog="greet.server")
    parser.add_argument("--port", type=int, default=50051)
    server = serve(parser.parse_args().port)
    signal.signal(signal.SIGTERM, lambda *_: server.stop(grace=5))
    server.wait_for_termination()


if __name__ == "__main__":
    main()
