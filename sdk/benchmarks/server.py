"""The vendors of the fan-out benchmark, in a process of their own: each answers after a tenth of a second.

python server.py PORT ADDRESS...      prints "ready" and serves until its standard input ends
"""

from __future__ import annotations

import asyncio
import sys

from tiny import CATALOGUE

DELAY = 0.1
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(CATALOGUE)


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer every request of one connection, late."""
    try:
        while await reader.readuntil(b"\r\n\r\n"):
            await asyncio.sleep(DELAY)
            writer.write(HEAD + CATALOGUE)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def main(port: int, addresses: list[str]) -> None:
    """Serve on every address."""
    server = await asyncio.start_server(answer, addresses, port, backlog=1024)
    print("ready", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    server.close()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2:]))
