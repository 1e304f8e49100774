"""A server by the package `h2`: taken over from HTTP/1.1 by an upgrade, and pushing."""
import contextlib, socket, threading
import h2.config, h2.connection, h2.events, h2.settings

def talk(peer, connection):
    while True:
        peer.sendall(connection.data_to_send())
        data = peer.recv(65536)
        if not data:
            return
        for event in connection.receive_data(data):
            if isinstance(event, h2.events.RequestReceived):
                path = dict(event.headers)[b":path"]
                answer(connection, event.stream_id, path)
            elif isinstance(event, h2.events.ConnectionTerminated):
                return

def answer(connection, stream, path):
    if path == b"/push":
        headers = [(":method", "GET"), (":path", "/pushed.css"), (":scheme", "http"), (":authority", "10.9.0.2")]
        connection.push_stream(stream, 2, headers)
    connection.send_headers(stream, [(":status", "200"), ("server", "python-h2"), ("content-type", "text/html")])
    connection.send_data(stream, b"<p>" + path + b"</p>\n", end_stream=True, pad_length=7 if path == b"/padded" else None)
    if path == b"/push":
        connection.send_headers(2, [(":status", "200"), ("content-type", "text/css")])
        connection.send_data(2, b"p { color: teal }\n", end_stream=True)

def serve(peer):
    with peer, contextlib.suppress(OSError):
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding=None))
        start = peer.recv(65536)
        if not start.startswith(b"PRI"):
            lines = start.split(b"\r\n")
            path = lines[0].split(b" ")[1]
            settings = next(line.split(b": ")[1] for line in lines if line.lower().startswith(b"http2-settings"))
            peer.sendall(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n")
            connection.initiate_upgrade_connection(settings)
            answer(connection, 1, path)
        else:
            connection.initiate_connection()
            for event in connection.receive_data(start):
                if isinstance(event, h2.events.RequestReceived):
                    answer(connection, event.stream_id, dict(event.headers)[b":path"])
        talk(peer, connection)

def listen(port):
    with socket.create_server(("10.9.0.2", port)) as listener:
        while True:
            threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()

threading.Thread(target=listen, args=(8001,), daemon=True).start()
listen(8000)
