"""What the package `websockets` sends, and a client that writes its frames byte by byte."""
import asyncio, socket, time
from websockets import ConnectionClosed
from websockets.asyncio.client import connect

PLAIN = dict(compression=None, ping_interval=None, subprotocols=["echo.v2", "echo.v1"])

async def text():
    for part in ("Hello, ", "分片 ", "world"):
        yield part

async def binary():
    for part in (b"\x00\x01", b"\xff" * 200):
        yield part

async def main():
    async with connect("ws://10.9.0.2:9001/echo?room=1", **PLAIN) as ws:
        for message in ("你好", "", "two\nlines", "x" * 125, "y" * 126, b"\x00\x01\xfe\xff", b"z" * 3000, b"v" * 65536):
            await ws.send(message)
            await ws.recv()
        for message in (text(), binary(), "parts", "ping"):
            await ws.send(message)
            await ws.recv()
        await (await ws.ping(b""))
        await ws.pong(b"unasked")
        for number in range(5):
            await ws.send(f"burst {number}")
        for _ in range(5):
            await ws.recv()
        await ws.close(1000, "完成")
    for message in ("bye", "drop"):
        async with connect("ws://10.9.0.2:9001/", **PLAIN) as ws:
            await ws.send(message)
            try:
                await ws.recv()
            except ConnectionClosed:
                pass
    async with connect("ws://10.9.0.2:9001/", **PLAIN) as ws:
        await ws.close(1001)
    async with connect("ws://10.9.0.2:80/deflate", ping_interval=None) as ws:
        for message in ("compressed " * 20, b"\0" * 300):
            await ws.send(message)
            await ws.recv()

asyncio.run(main())

UPGRADE = (
    b"GET /raw HTTP/1.1\r\nHost: 10.9.0.2:9001\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Protocol: echo.v1\r\n\r\n"
)
MASK = b"\x37\xfa\x21\x3d"
HELLO = b"\x81\x85" + MASK + bytes(byte ^ MASK[at % 4] for at, byte in enumerate(b"Hello"))

def opened():
    peer = socket.create_connection(("10.9.0.2", 9001))
    peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    peer.sendall(UPGRADE)
    time.sleep(0.1)
    return peer

with opened() as peer:
    for at in range(len(HELLO)):
        peer.sendall(HELLO[at : at + 1])
        time.sleep(0.01)
    peer.sendall(HELLO + HELLO + HELLO[:4])
    time.sleep(0.05)
    peer.sendall(HELLO[4:] + b"\x88\x80" + MASK)
    time.sleep(0.1)
    peer.recv(9999)
with opened() as peer:
    peer.sendall(b"\xc3\x05oops!")
    time.sleep(0.2)
    peer.recv(9999)
