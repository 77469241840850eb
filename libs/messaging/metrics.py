"""What the messaging of a process counts."""

from libs.chassis.metrics import LATENCY_BUCKETS, Counter, Gauge, Histogram

published = Counter("outbox_published_total", "Events published and confirmed")
unroutable = Counter("outbox_unroutable_total", "Events the broker returned or refused")
unpublished = Gauge("outbox_unpublished", "Events waiting in the outbox")
handled = Counter("events_handled_total", "Events handled, a handler each", ["handler"])
duplicates = Counter("events_duplicate_total", "Events that a handler had dealt with before", ["handler"])
retried = Counter("events_retried_total", "Events put on the retry ladder", ["handler"])
dead = Counter("events_dead_total", "Events given up on", ["reason"])
handling = Histogram("event_handling_seconds", "Time to handle one event", ["handler"], buckets=LATENCY_BUCKETS)
job_runs = Counter("job_runs_total", "Runs of timed jobs", ["job", "outcome"])
job_seconds = Histogram("job_seconds", "Time of one run of a job", ["job"], buckets=LATENCY_BUCKETS)
rpc_calls = Counter("rpc_calls_total", "Requests answered", ["method", "outcome"])
rpc_seconds = Histogram("rpc_seconds", "Time to answer a request", ["method"], buckets=LATENCY_BUCKETS)
rpc_poison = Counter("rpc_poison_total", "Requests that could not be read", ["reason"])
rpc_unanswered = Counter("rpc_unanswered_total", "Answers that could not be sent")
