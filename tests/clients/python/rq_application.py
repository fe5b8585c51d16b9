#!/usr/bin/python3
"""rq, a job queue, as an application on the server: jobs, workers, failures, retries, schedules, dependencies.

Not used are the two things in it that take what Cowslip does not have:
- Queue.empty(), and Queue.delete() with its jobs, are Lua scripts.
- Results are kept in a stream when the server's version is 5 or above; rq is told that it is below, and keeps them in
  the job's hash.

Usage: rq_application.py PORT
"""
import logging
from datetime import timedelta

import redis
import rq
from rq.registry import DeferredJobRegistry, FailedJobRegistry, FinishedJobRegistry, ScheduledJobRegistry

import harness
import rq_jobs
from harness import PORT, expect, scenario

logging.getLogger("rq.worker").setLevel(logging.CRITICAL)


def queue_named(name="default"):
    connection = redis.Redis(port=PORT)
    setattr(connection, "__rq_redis_server_version", (4, 0, 0))
    return rq.Queue(name, connection=connection)


def work_off(*queues, with_scheduler=False):
    """A worker takes jobs until there are none; each runs in a process of its own."""
    worker = rq.Worker(queues, connection=queues[0].connection)
    return worker.work(burst=True, with_scheduler=with_scheduler, logging_level="CRITICAL")


@scenario("jobs and results")
def jobs_and_results(_):
    queue = queue_named()
    jobs = [queue.enqueue(rq_jobs.add, i, right=1, result_ttl=100) for i in range(5)]
    expect((queue.count, queue.job_ids, jobs[0].get_status()), (5, [job.id for job in jobs], "queued"))
    expect(work_off(queue), True)
    expect(([job.result for job in jobs], queue.count), ([1, 2, 3, 4, 5], 0))
    expect((jobs[0].get_status(), len(FinishedJobRegistry(queue=queue))), ("finished", 5))
    assert 0 < queue.connection.ttl(jobs[0].key) <= 100
    expect((work_off(queue), rq.Worker.all(queue=queue)), (False, []))


@scenario("failed jobs")
def failed_jobs(_):
    queue = queue_named()
    job = queue.enqueue(rq_jobs.fail)
    work_off(queue)
    registry = FailedJobRegistry(queue=queue)
    expect((job.get_status(refresh=True), registry.get_job_ids()), ("failed", [job.id]))
    job.refresh()
    assert "ValueError: on purpose" in job.exc_info, job.exc_info
    registry.requeue(job)
    expect((job.get_status(), len(registry), queue.job_ids), ("queued", 0, [job.id]))
    queue.remove(job)
    job.delete()
    expect((queue.count, rq.job.Job.exists(job.id, queue.connection)), (0, False))


@scenario("retried jobs")
def retried_jobs(_):
    queue = queue_named()
    job = queue.enqueue(rq_jobs.fail_twice, PORT, retry=rq.Retry(max=2))
    work_off(queue)
    expect((job.get_status(refresh=True), job.result), ("finished", "at last"))


@scenario("scheduled jobs")
def scheduled_jobs(_):
    queue = queue_named()
    due = queue.enqueue_in(timedelta(seconds=-1), rq_jobs.add, 1, 2)
    later = queue.enqueue_in(timedelta(hours=1), rq_jobs.add, 3, 4)
    registry = ScheduledJobRegistry(queue=queue)
    expect((registry.get_job_ids(), queue.count), ([due.id, later.id], 0))
    work_off(queue, with_scheduler=True)
    expect((due.result, later.result, registry.get_job_ids()), (3, None, [later.id]))


@scenario("dependencies and several queues")
def dependencies(client):
    low, high = queue_named("low"), queue_named("high")
    first = low.enqueue(rq_jobs.note, PORT, "first of low")
    low.enqueue(rq_jobs.note, PORT, "depends on it", depends_on=first)
    expect(len(DeferredJobRegistry(queue=low)), 1)
    high.enqueue(rq_jobs.note, PORT, "last of high")
    high.enqueue(rq_jobs.note, PORT, "first of high", at_front=True)
    work_off(high, low)
    expect(client.lrange("notes", 0, -1), ["first of high", "last of high", "first of low", "depends on it"])
    expect(len(DeferredJobRegistry(queue=low)), 0)
    expect(sorted(queue.name for queue in rq.Queue.all(connection=low.connection)), ["high", "low"])


harness.run("rq")
