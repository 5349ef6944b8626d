"""What customers call: it answers at once, and leaves what takes time to Handoff."""

import json

from spin_sdk import http
from spin_sdk.http import Request, Response

JSON = {"content-type": "application/json"}


class IncomingHandler(http.IncomingHandler):
    def handle_request(self, request: Request) -> Response:
        if (request.method, request.uri) != ("POST", "/reports"):
            return Response(404, {}, b"POST /reports\n")
        order = json.loads(request.body)
        ids = {
            "report": enqueue("report", {"pages": order["pages"]}),
            "mail": enqueue("mail", {"to": order.get("mail")}),
        }
        return Response(202, dict(JSON), json.dumps(ids).encode())


def enqueue(task: str, args: dict) -> str:
    """Returns the task's id. Once Handoff has answered 202, the task is not lost any more."""
    body = json.dumps({"task": task, "args": args}).encode()
    url = "http://handoff.spin.internal/v1/tasks"
    answer = http.send(Request("POST", url, dict(JSON), body))
    if answer.status != 202:
        raise RuntimeError(f"{answer.status}: {answer.body.decode()}")
    return json.loads(answer.body)["id"]
