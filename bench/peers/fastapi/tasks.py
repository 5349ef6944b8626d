"""The tasks, and Celery set up for short ones as its guide says (Optimizing: prefetch limits, broker connection pool)."""

import os
import time

from celery import Celery

app = Celery("tasks", broker=os.environ["REDIS_URL"], backend=os.environ["REDIS_URL"])
app.conf.worker_prefetch_multiplier = 128
app.conf.broker_pool_limit = 40  # as many as there are threads for sync endpoints


@app.task
def long_running_task():
    time.sleep(5)
    return "Task Done."


@app.task
def echo(args):
    return args


@app.task
def sleep(args):
    time.sleep(args)


@app.task
def compute(args):
    """Counts primes by trial division."""
    return sum(all(n % d for d in range(2, int(n**0.5) + 1)) for n in range(2, args))
