"""Every frame there is, written by the package `hyperframe`, headers by the package `hpack`; nobody has to like them."""
import socket, sys, threading, time
from hpack import Encoder
from hpack.hpack import HeaderTuple, NeverIndexedHeaderTuple
from hyperframe.frame import *

def client(encoder):
    def headers(stream, list, flags=("END_HEADERS",), **more):
        return HeadersFrame(stream, encoder.encode(list), flags=flags, **more).serialize()
    request = [(":method", "GET"), (":scheme", "http"), (":path", "/a?b=c"), (":authority", "10.9.0.2:9000")]
    settings = SettingsFrame(0, settings={1: 4096, 2: 0, 3: 100, 4: 65535, 5: 16384, 6: 8192, 8: 1, 9: 1, 0x4d4d: 7})
    yield b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
    yield settings.serialize()
    yield SettingsFrame(0, flags=["ACK"]).serialize()
    yield headers(1, request + [("user-agent", "hyperframe"), ("accept", "*/*")], ("END_HEADERS", "END_STREAM"))
    yield headers(3, request + [("x-plain", "plain value"), ("cookie", "a=1"), ("cookie", "b=2")], ("END_HEADERS", "PRIORITY"),
                  depends_on=1, stream_weight=200, exclusive=True)
    yield headers(5, request, ("END_HEADERS", "PADDED", "PRIORITY"), pad_length=9, depends_on=3, stream_weight=0)
    yield PriorityFrame(7, depends_on=5, stream_weight=15, exclusive=False).serialize()
    yield DataFrame(3, b"padded data", flags=["PADDED"], pad_length=5).serialize()
    yield DataFrame(3, b"", flags=["END_STREAM"]).serialize()
    yield DataFrame(5, b"two in", flags=[]).serialize() + DataFrame(5, b" one go", flags=["END_STREAM"]).serialize()
    yield RstStreamFrame(1, error_code=8).serialize()
    yield RstStreamFrame(9, error_code=0x1234).serialize()
    yield PingFrame(0, b"\1\2\3\4\5\6\7\x08").serialize() + PingFrame(0, b"12345678", flags=["ACK"]).serialize()
    yield WindowUpdateFrame(0, window_increment=1048576).serialize() + WindowUpdateFrame(5, window_increment=1).serialize()
    # A header block in three frames, a name that is cut by their borders.
    block = encoder.encode(request + [("x-first", "1"), NeverIndexedHeaderTuple("authorization", "Bearer secret"), ("x-last", "~" * 30)], huffman=False)
    yield HeadersFrame(11, block[:9], flags=["END_STREAM"]).serialize()
    yield ContinuationFrame(11, block[9:25]).serialize()
    yield ContinuationFrame(11, block[25:], flags=["END_HEADERS"]).serialize()
    # The table shrinks, is emptied, and grows again.
    encoder.header_table_size = 128
    yield headers(13, request + [("x-a", "1" * 40), ("x-b", "2" * 40)])
    encoder.header_table_size = 0
    encoder.header_table_size = 4096
    yield headers(15, request + [("x-a", "1" * 40), ("x-a", "1" * 40)])
    # Indexes of several bytes, an empty value, bytes that are no text.
    yield headers(17, [(f"x-{at}", str(at)) for at in range(80)])
    yield headers(19, [("x-0", "0"), ("x-0", "other"), ("x-empty", ""), (b"x-bytes", b"\xff\x00\xfe")])
    # Without indexing, by name and by index, never indexed by index.
    yield HeadersFrame(21, b"\x04\x05/here\x00\x06x-none\x03new\x14\x01/\x82\x87", flags=["END_HEADERS"]).serialize()
    yield AltSvcFrame(0, origin=b"http://a.test", field=b'h2=":443"').serialize()
    yield AltSvcFrame(3, field=b"clear").serialize()
    yield DataFrame(0x7ffffff1, b"no such stream", flags=["END_STREAM"]).serialize()
    # The reserved bit, and flags that mean nothing.
    yield b"\0\0\0\0\xf7\x80\0\0\x0d"
    yield GoAwayFrame(0, last_stream_id=0, error_code=0, additional_data=b"").serialize()
    # tshark looks at nothing after it.
    yield b"\0\0\x0c\xfa\xa5\0\0\0\0what is this"

def server(encoder):
    def headers(stream, list, flags=("END_HEADERS",), **more):
        return HeadersFrame(stream, encoder.encode(list), flags=flags, **more).serialize()
    yield SettingsFrame(0, settings={3: 1, 4: 1 << 20}).serialize() + SettingsFrame(0, flags=["ACK"]).serialize()
    yield headers(1, [(":status", "200"), ("content-type", "text/plain"), ("content-length", "5")])
    yield DataFrame(1, b"hello", flags=["END_STREAM"]).serialize()
    yield PushPromiseFrame(3, 2, encoder.encode([(":method", "GET"), (":path", "/style.css"), (":scheme", "http"), (":authority", "x")]), flags=["END_HEADERS"]).serialize()
    block = encoder.encode([(":method", "GET"), (":path", "/padded.css"), (":scheme", "http"), (":authority", "x")])
    yield PushPromiseFrame(3, 4, block[:7], flags=["PADDED"], pad_length=3).serialize()
    yield ContinuationFrame(3, block[7:], flags=["END_HEADERS"]).serialize()
    yield headers(2, [(":status", "404")], ("END_HEADERS", "END_STREAM"))
    yield headers(3, [(":status", "103"), ("link", "</a.css>; rel=preload")])
    yield headers(3, [(":status", "200"), ("content-type", "application/json")])
    yield DataFrame(3, b'{"a": [1,', flags=[]).serialize()
    yield DataFrame(3, b' 2, 3]}', flags=["PADDED"], pad_length=0).serialize()
    yield headers(3, [("x-trailer", "done")], ("END_HEADERS", "END_STREAM"))
    for code in range(15):
        yield RstStreamFrame(101 + 2 * code, error_code=code).serialize()
    yield GoAwayFrame(0, last_stream_id=21, error_code=11, additional_data=b"calm down").serialize()

def say(peer, frames, pause):
    peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for frame in frames:
        peer.sendall(frame)
        time.sleep(pause)
    peer.shutdown(socket.SHUT_WR)
    while peer.recv(65536):
        pass

def pieces(frames):
    """The same bytes with other borders."""
    whole = b"".join(frames)
    return [whole[at:at + 61] for at in range(0, len(whole), 61)]

if sys.argv[1] == "server":
    with socket.create_server(("10.9.0.2", 9000)) as listener:
        for cut in (list, pieces):
            peer, _ = listener.accept()
            with peer:
                time.sleep(0.05)
                say(peer, cut(server(Encoder())), 0.004)
else:
    for cut in (list, pieces):
        with socket.create_connection(("10.9.0.2", 9000)) as peer:
            say(peer, cut(client(Encoder())), 0.004)
        time.sleep(0.2)
