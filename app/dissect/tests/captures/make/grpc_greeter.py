"""The package `grpcio` on both ends: calls of all four kinds, compressed and refused ones."""
import sys, time
from concurrent import futures
import grpc
import greeter_pb2 as pb, greeter_pb2_grpc as service

INNER = pb.Everything.Inner(note="里层", deltas=[-1, 0, 1, -2147483648], inner=pb.Everything.Inner(note="更里"))
ALL = pb.Everything(
    f_double=3.5, f_float=-0.25, f_int32=-5, f_int64=-(1 << 60), f_uint32=4294967295, f_uint64=(1 << 64) - 1, f_sint32=-3,
    f_sint64=-(1 << 63), f_fixed32=0xdeadbeef, f_fixed64=1, f_sfixed32=-7, f_sfixed64=-8, f_bool=True, f_string="text 文字",
    f_bytes=b"\x00\xff", f_enum=pb.LANGUAGE_ENGLISH, f_message=INNER, f_map={"a": 1, "b": -2}, f_packed=[1, 300, 70000],
    f_languages=[1, 2], f_doubles=[0.5, 1e300], f_other=INNER, f_inners=[INNER, pb.Everything.Inner()])

OPTIONS = [("grpc.http2.max_frame_size", 16384), ("grpc.http2.bdp_probe", 0)]

class Greeter(service.GreeterServicer):
    def Greet(self, request, context):
        if request.name == "nobody":
            context.abort(grpc.StatusCode.NOT_FOUND, "没有这个人")
        if request.name == "slow":
            time.sleep(0.5)
        context.set_trailing_metadata([("x-trailer", "t"), ("x-trailer-bin", b"\x01\x02")])
        return pb.GreetReply(text=f"你好，{request.name}", count=len(request.titles), all=ALL if request.language else None)
    def Count(self, request, context):
        for at in range(request.until):
            yield pb.Everything(f_uint32=at, f_string="x" * (at * at * at * 2300))
    def Gather(self, requests, context):
        return pb.GreetReply(text="、".join(request.name for request in requests))
    def Chat(self, requests, context):
        for request in requests:
            yield pb.GreetReply(text=request.name)

if sys.argv[1] == "server":
    # Frames of the default size, so that long messages take several.
    server = grpc.server(futures.ThreadPoolExecutor(4), options=OPTIONS)
    service.add_GreeterServicer_to_server(Greeter(), server)
    server.add_insecure_port("10.9.0.2:50051")
    server.start()
    server.wait_for_termination(60)
else:
    with grpc.insecure_channel("10.9.0.2:50051", options=OPTIONS) as channel:
        stub = service.GreeterStub(channel)
        stub.Greet(pb.GreetRequest(name="小明", language=pb.LANGUAGE_CHINESE, titles=["一", "二"]), timeout=5)
        stub.Greet(pb.GreetRequest())
        stub.Greet(pb.GreetRequest(name="long " * 400), compression=grpc.Compression.Gzip)
        list(stub.Count(pb.CountRequest(until=3)))
        stub.Gather(pb.GreetRequest(name=name) for name in ("甲", "乙", "y" * 17000))
        list(stub.Chat(pb.GreetRequest(name=f"{at}") for at in range(4)))
        for request, timeout in ((pb.GreetRequest(name="nobody"), 5), (pb.GreetRequest(name="slow"), 0.2)):
            try:
                stub.Greet(request, timeout=timeout)
            except grpc.RpcError:
                pass
