"""An echo by the package `websockets`, with a few words it obeys."""
import asyncio
from websockets import ConnectionClosed
from websockets.asyncio.server import serve

async def parts():
    for part in ("一块", "二块", "第三块"):
        yield part

async def echo(socket):
    try:
        async for message in socket:
            if message == "ping":
                await (await socket.ping(b"are you there"))
                await socket.send("ponged")
            elif message == "bye":
                return await socket.close(4001, "再见")
            elif message == "parts":
                await socket.send(parts())
            elif message == "drop":
                return socket.transport.abort()
            else:
                await socket.send("much" if len(message) > 5000 else message)
    except ConnectionClosed:
        pass

async def main():
    plain = serve(echo, "10.9.0.2", 9001, compression=None, ping_interval=None, subprotocols=["echo.v1"])
    async with plain, serve(echo, "10.9.0.2", 80, ping_interval=None):
        await asyncio.sleep(60)

asyncio.run(main())
