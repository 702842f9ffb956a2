"""The peer: a bare Litestar handler that decodes a comment and answers a small JSON object, on the same server."""

import socket
import sys

import msgspec
import uvicorn
from litestar import Litestar, post
from litestar.params import JSONBody

from moderation.api.fields import Submission


class Answer(msgspec.Struct):
    """What it answers."""

    id: str
    status: str


@post("/v1/comments")
async def take(data: JSONBody[Submission]) -> Answer:
    """Decode a comment and do nothing with it."""
    return Answer("1", "approved")


def main() -> None:
    """Serve on a free port, which is printed."""
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    listening.listen(2048)
    sys.stdout.write(f"{listening.getsockname()[1]}\n")
    sys.stdout.flush()
    app = Litestar([take], openapi_config=None, logging_config=None)
    config = uvicorn.Config(
        app, loop="uvloop", http="httptools", ws="none", access_log=False, log_config=None, server_header=False,
        date_header=False, proxy_headers=False,
    )  # fmt: skip
    uvicorn.Server(config).run(sockets=[listening])


if __name__ == "__main__":
    main()
