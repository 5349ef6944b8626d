"""The tasks: plain functions, as they were with Celery."""

import sqlite3
import time
from contextlib import closing

from worker import Failed, Retry, task


@task
def long_running_task():
    time.sleep(5)
    return "Task Done."


@task
def add(x, y):
    return x + y


@task
def total(results):
    return sum(results)


@task
def fetch(self, url):
    """Fails for good if nobody can mend it, and otherwise succeeds in its third attempt."""
    if not url.startswith("https://"):
        raise Failed(f"{url} is no address")
    if self["attempt"] < 3:
        raise Retry(f"{url} does not answer", countdown=1)
    return {"url": url, "attempts": self["attempt"]}


@task
def charge(self, order):
    """Takes money once, although it may run twice: all attempts have one idempotency key."""
    return {"order": order, "payment": bank(self["idempotency_key"], order)}


def bank(key, order):
    """A bank that takes ten seconds for a payment, and knows the keys that it has seen."""
    with closing(connect()) as db:
        added = db.execute("insert or ignore into payments values (?, ?)", (key, order))
        db.commit()
    if added.rowcount:
        time.sleep(10)
    return key


def payments(order):
    with closing(connect()) as db:
        rows = db.execute("select key from payments where order_number = ?", (order,))
        return [key for (key,) in rows]


def connect():
    db = sqlite3.connect("payments.db")
    db.execute("create table if not exists payments (key primary key, order_number)")
    return db
