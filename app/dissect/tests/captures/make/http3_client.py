"""HTTP/3 and bare QUIC by the package `aioquic`. Usage: key log, what to do."""
import asyncio, ssl, sys
from aioquic.asyncio import QuicConnectionProtocol, connect
from aioquic.h3.connection import H3Connection
from aioquic.h3.events import DataReceived, HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.packet import QuicProtocolVersion
from aioquic.tls import CipherSuite

log, deeds = open(sys.argv[1], "a"), sys.argv[2:]
ticket = None

class Client(QuicConnectionProtocol):
    done = None

    def __init__(self, *about, **more):
        super().__init__(*about, **more)
        self.http = H3Connection(self._quic)

    def quic_event_received(self, event):
        for told in self.http.handle_event(event):
            if isinstance(told, (HeadersReceived, DataReceived)) and told.stream_ended:
                self.done.set()

def configuration(alpn, **more):
    made = QuicConfiguration(alpn_protocols=[alpn], secrets_log_file=log, verify_mode=ssl.CERT_NONE, server_name="quic.test",
        max_datagram_frame_size=1200, session_ticket=ticket, **more)
    return made

def keep(new):
    global ticket
    ticket = new

async def get(client, path, body=None):
    client.done = asyncio.Event()
    stream = client._quic.get_next_available_stream_id()
    client.http.send_headers(stream, [(b":method", b"POST" if body else b"GET"), (b":scheme", b"https"),
        (b":authority", b"quic.test:4433"), (b":path", path), (b"user-agent", b"aioquic"), (b"accept", b"*/*"),
        (b"x-own", b"\xe4\xbd\xa0")], end_stream=not body)
    if body:
        client.http.send_data(stream, body, end_stream=True)
    client.transmit()
    await asyncio.wait_for(client.done.wait(), 5)

async def http3(suites=None, early=False):
    more = {"cipher_suites": suites} if suites else {}
    async with connect("10.9.0.2", 4433, configuration=configuration("h3", **more), create_protocol=Client,
            session_ticket_handler=keep, wait_connected=not early) as client:
        await get(client, b"/early" if early else b"/a?x=1")
        await client.ping()
        await get(client, b"/a?x=1")
        await get(client, b"/up", b"z" * 2500)
        if not suites and not early:
            client.change_connection_id()
            await client.ping()
            await get(client, b"/moved")
            client._quic.request_key_update()
            await client.ping()
            await get(client, b"/updated")
        await asyncio.sleep(0.1)

async def bare():
    async with connect("10.9.0.2", 4433, configuration=configuration("echo"), create_protocol=QuicConnectionProtocol) as client:
        client._quic.send_datagram_frame(b"a datagram")
        reader, writer = await client.create_stream()
        writer.write(b"hello")
        await reader.read(5)
        writer.write(b"y" * 5000); writer.write_eof()
        got = await reader.read(5000)
        other = client._quic.get_next_available_stream_id()
        client._quic.send_stream_data(other, b"half")
        client.transmit()
        await client.ping()
        client._quic.reset_stream(other, 7)
        stopped = client._quic.get_next_available_stream_id()
        client._quic.send_stream_data(stopped, b"no answer please")
        client._quic.stop_stream(stopped, 9)
        client.transmit()
        await client.ping()
        client.close(error_code=5, reason_phrase="那就这样")

async def negotiate():
    made = configuration("h3", supported_versions=[0x1A2A3A4A, QuicProtocolVersion.VERSION_1], original_version=0x1A2A3A4A)
    async with connect("10.9.0.2", 4433, configuration=made, create_protocol=Client) as client:
        await get(client, b"/version")

async def main():
    for deed in deeds:
        await {"http3": http3, "bare": bare, "negotiate": negotiate, "early": lambda: http3(early=True),
            "aes256": lambda: http3([CipherSuite.AES_256_GCM_SHA384]),
            "chacha": lambda: http3([CipherSuite.CHACHA20_POLY1305_SHA256])}[deed]()

asyncio.run(main())
