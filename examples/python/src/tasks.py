"""What takes time. Handoff posts each task here: docs/guide/handlers.md."""

import time

from handler import Handler, Lines

PAGES_PER_PART = 4


def report(task: dict) -> Lines:
    """Adds up pages of sales, some in each part. A part begins where the one before ended."""
    pages = task["args"]["pages"]
    so_far = task["checkpoint"] or {"pages": 0, "total": 0}
    while so_far["pages"] < pages:
        page = so_far["pages"] + 1
        yield {"progress": so_far["pages"] / pages, "message": f"page {page} of {pages}"}
        so_far = {"pages": page, "total": so_far["total"] + sum(sales(page))}
        yield {"log": f"page {page}: {so_far['total']} so far"}
        if page % PAGES_PER_PART == 0 and page < pages:
            yield {"continue": so_far}
            return
    yield {"result": so_far}


def sales(page: int) -> list[int]:
    """A page takes its time, as from a database far away."""
    time.sleep(0.3)
    return [page * line for line in range(1, 11)]


def mail(task: dict) -> Lines:
    """Fails in its first attempt, to show a retry: a mail server that is away for a moment."""
    if not task["args"]["to"]:
        yield {"fail": "there is nobody to write to"}
    elif task["attempt"] == 1:
        yield {"retry": "the mail server does not answer"}
    else:
        yield {"result": {"sent": task["args"]["to"]}}


class IncomingHandler(Handler):
    tasks = {"report": report, "mail": mail}
