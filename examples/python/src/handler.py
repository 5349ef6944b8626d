"""A handler whose answers are sent line by line. The SDK's own sends an answer when it is whole."""

import json
import traceback
from collections.abc import Callable, Generator
from contextlib import closing

from spin_sdk.wit import exports
from spin_sdk.wit.imports.streams import StreamError_Closed
from spin_sdk.wit.imports.types import (
    Fields,
    IncomingBody,
    IncomingRequest,
    Method_Post,
    OutgoingBody,
    OutgoingResponse,
    ResponseOutparam,
)
from spin_sdk.wit.types import Err, Ok

# As much as one call of blocking_write_and_flush takes.
CHUNK = 4096
Lines = Generator[dict, None, None]


class Handler(exports.IncomingHandler):
    """Runs tasks by kind: each is a function of the task that yields the lines of its answer."""

    tasks: dict[str, Callable[[dict], Lines]] = {}

    def handle(self, request: IncomingRequest, response_out: ResponseOutparam) -> None:
        status, lines = self.answer(request)
        kind = "application/x-ndjson" if status == 200 else "application/problem+json"
        response = OutgoingResponse(Fields.from_list([("content-type", kind.encode())]))
        response.set_status_code(status)
        body = response.body()
        ResponseOutparam.set(response_out, Ok(response))
        try:
            with body.write() as stream:
                for line in lines:
                    line = json.dumps(line).encode() + b"\n"
                    for start in range(0, len(line), CHUNK):
                        stream.blocking_write_and_flush(line[start : start + CHUNK])
            OutgoingBody.finish(body, None)
        except Err:
            # Nobody reads any more: the task was cancelled, or its time is over. It may clean up.
            lines.close()

    def answer(self, request: IncomingRequest) -> tuple[int, Lines]:
        # /readyz asks with OPTIONS whether somebody is here.
        if not isinstance(request.method(), Method_Post):
            return 204, each()
        # Tasks of kind http.request can't send this header.
        if not request.headers().has("handoff-protocol"):
            return 403, each({"detail": "only Handoff calls this"})
        try:
            task = json.loads(read(request))
        except ValueError as error:
            return 400, each({"detail": str(error)})
        run = self.tasks.get(task["task"])
        if run is None:
            return 404, each({"detail": f"there is no task {task['task']}"})
        return 200, caught(run, task)


def each(*lines: dict) -> Lines:
    yield from lines


def caught(run: Callable[[dict], Lines], task: dict) -> Lines:
    """An exception fails this attempt, and so does a line that is not JSON."""
    try:
        with closing(run(task)) as lines:
            for line in lines:
                json.dumps(line)
                yield line
    except Exception as error:
        traceback.print_exc()
        yield {"retry": repr(error)}


def read(request: IncomingRequest) -> bytes:
    body = request.consume()
    whole = bytearray()
    with body.stream() as stream:
        while True:
            try:
                whole += stream.blocking_read(1 << 16)
            except Err as error:
                if isinstance(error.value, StreamError_Closed):
                    break
                raise
    IncomingBody.finish(body)
    return bytes(whole)
