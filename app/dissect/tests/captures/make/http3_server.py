"""HTTP/3 by the package `aioquic`: fields, a body in pieces, datagrams. Usage: certificate, key."""
import asyncio, sys
from aioquic.asyncio import QuicConnectionProtocol, serve
from aioquic.h3.connection import H3_ALPN, H3Connection
from aioquic.h3.events import DatagramReceived, DataReceived, HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import ProtocolNegotiated, StreamDataReceived, DatagramFrameReceived

class Server(QuicConnectionProtocol):
    http = None

    def quic_event_received(self, event):
        if isinstance(event, ProtocolNegotiated):
            if event.alpn_protocol in H3_ALPN:
                self.http = H3Connection(self._quic)
        if self.http is None:
            if isinstance(event, StreamDataReceived):
                self._quic.send_stream_data(event.stream_id, event.data, event.end_stream)
            elif isinstance(event, DatagramFrameReceived):
                self._quic.send_datagram_frame(event.data)
            self.transmit()
            return
        for told in self.http.handle_event(event):
            if isinstance(told, HeadersReceived) and told.stream_ended or isinstance(told, DataReceived) and told.stream_ended:
                self.answer(told.stream_id)
        self.transmit()

    def answer(self, stream):
        self.http.send_headers(stream, [(b":status", b"200"), (b"server", b"aioquic"), (b"content-type", b"text/plain"),
            (b"x-note", "一条说明".encode())])
        for part in (b"hello ", b"x" * 3000, b" bye"):
            self.http.send_data(stream, part, end_stream=False)
        self.http.send_headers(stream, [(b"x-checksum", b"0")], end_stream=True)

async def main():
    configuration = QuicConfiguration(is_client=False, alpn_protocols=H3_ALPN + ["echo"], max_datagram_frame_size=1200)
    configuration.load_cert_chain(sys.argv[1], sys.argv[2])
    tickets = {}
    await serve("10.9.0.2", 4433, configuration=configuration, create_protocol=Server, retry=len(sys.argv) > 3,
        session_ticket_fetcher=lambda label: tickets.pop(label, None),
        session_ticket_handler=lambda ticket: tickets.__setitem__(ticket.ticket, ticket))
    await asyncio.sleep(60)

asyncio.run(main())
