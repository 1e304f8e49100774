"""A QUIC and HTTP/3 client that nobody here wrote (aioquic), for `wirebook open quic-streams` and `open http3`.

    pip install aioquic
    wirebook open http3 2> log &     # the root certificate is in the log
    python quic_peer.py http3 127.0.0.1:PORT ROOT.pem
    python quic_peer.py echo  127.0.0.1:PORT ROOT.pem

The certificate is verified. Exits with 1 if an answer is not what it must be.
"""

import asyncio
import ssl
import sys

from aioquic.asyncio.client import connect
from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.h3.connection import H3_ALPN, H3Connection
from aioquic.h3.events import DataReceived, HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import ConnectionTerminated, DatagramFrameReceived, ProtocolNegotiated


class Http3(QuicConnectionProtocol):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.http = None
        self.answers = {}
        self.terminated = asyncio.get_running_loop().create_future()

    def quic_event_received(self, event):
        if isinstance(event, ProtocolNegotiated):
            self.http = H3Connection(self._quic)
        if isinstance(event, ConnectionTerminated) and not self.terminated.done():
            self.terminated.set_result(event)
        for happened in self.http.handle_event(event) if self.http else []:
            stream, headers, body, done = self.answers[happened.stream_id]
            if isinstance(happened, HeadersReceived):
                headers.update(happened.headers)
            if isinstance(happened, DataReceived):
                body.extend(happened.data)
            if happened.stream_ended:
                done.set_result((headers, bytes(body)))

    async def fetch(self, method, path, body=b""):
        stream = self._quic.get_next_available_stream_id()
        done = asyncio.get_running_loop().create_future()
        self.answers[stream] = (stream, {}, bytearray(), done)
        names = [(b":method", method), (b":scheme", b"https"), (b":authority", b"localhost"), (b":path", path)]
        self.http.send_headers(stream, names, end_stream=not body)
        if body:
            self.http.send_data(stream, body, end_stream=True)
        self.transmit()
        headers, answer = await asyncio.wait_for(done, 5)
        print(f"stream {stream}: {method.decode()} {path.decode()} → {headers[b':status'].decode()}, {len(answer)} bytes")
        return headers, answer


class Echo(QuicConnectionProtocol):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.datagram = asyncio.get_running_loop().create_future()

    def quic_event_received(self, event):
        if isinstance(event, DatagramFrameReceived):
            self.datagram.set_result(event.data)
        super().quic_event_received(event)


class Refused(QuicConnectionProtocol):
    error = None

    def quic_event_received(self, event):
        if isinstance(event, ConnectionTerminated):
            Refused.error = event.error_code
        super().quic_event_received(event)


def configuration(root, protocols):
    config = QuicConfiguration(is_client=True, alpn_protocols=protocols, server_name="localhost")
    config.verify_mode = ssl.CERT_REQUIRED
    config.max_datagram_frame_size = 65536
    config.load_verify_locations(root)
    return config


async def http3(host, port, root):
    async with connect(host, port, configuration=configuration(root, H3_ALPN), create_protocol=Http3) as peer:
        answers = await asyncio.gather(
            peer.fetch(b"GET", b"/hello"),
            peer.fetch(b"GET", b"/bytes/20000"),
            peer.fetch(b"GET", b"/nowhere"),
            peer.fetch(b"POST", b"/echo", b"." * 30000),
        )
        assert answers[0][1].decode().startswith("你好"), answers[0]
        assert answers[1][1] == b"." * 20000 and answers[3][1] == b"." * 30000
        assert answers[2][0][b":status"] == b"404"
    # An HTTP/1.1-like request line on a stream is not HTTP/3.
    async with connect(host, port, configuration=configuration(root, H3_ALPN), create_protocol=Http3) as peer:
        peer._quic.send_stream_data(peer._quic.get_next_available_stream_id(), b"GET / HTTP/3.0\r\n\r\n", end_stream=True)
        peer.transmit()
        event = await asyncio.wait_for(peer.terminated, 5)
        print(f"GET / HTTP/3.0 as text → connection closed, error 0x{event.error_code:x} {event.reason_phrase!r}")


async def echo(host, port, root):
    async with connect(host, port, configuration=configuration(root, ["echo"]), create_protocol=Echo) as peer:
        for message in ["你好，QUIC！".encode(), b"." * 20000]:
            reader, writer = await peer.create_stream()
            writer.write(message)
            writer.write_eof()
            answer = await asyncio.wait_for(reader.read(), 5)
            assert answer == message
            print(f"stream {writer.get_extra_info('stream_id')}: {len(answer)} bytes came back")
        peer._quic.send_datagram_frame(b"datagram")
        peer.transmit()
        print("datagram came back:", (await asyncio.wait_for(peer.datagram, 5)).decode())
    # Speaking HTTP/3 here is refused in the handshake: no_application_protocol (120) as a CRYPTO_ERROR, 0x100 + 120.
    try:
        async with connect(host, port, configuration=configuration(root, H3_ALPN), create_protocol=Refused):
            raise AssertionError("accepted")
    except ConnectionError:
        print(f"ALPN h3 → refused in the handshake, error 0x{Refused.error:x}")
        assert Refused.error == 0x178


if __name__ == "__main__":
    what, address, root = sys.argv[1:]
    host, port = address.rsplit(":", 1)
    asyncio.run({"http3": http3, "echo": echo}[what](host, int(port), root))
