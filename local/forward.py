"""Carries TCP connections from ADDRESS:PORT to 127.0.0.1:PORT until it is ended.

forward.py ADDRESS PORT lets containers reach a local cloud, which listens on the loopback
address alone. Where ADDRESS is not this machine's (Docker Desktop, which forwards by itself),
there is nothing to do.
"""

import asyncio
import sys


async def copy(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()


async def main(address, port):
    async def carry(reader, writer):
        there = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(copy(reader, there[1]), copy(there[0], writer))

    try:
        server = await asyncio.start_server(carry, address, port)
    except OSError:
        return
    async with server:
        await server.serve_forever()


if __name__ == "__main__" and sys.argv[1]:
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
