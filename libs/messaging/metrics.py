"""What the messaging of a process counts."""

from libs.chassis.metrics import LATENCY_BUCKETS, Counter, Gauge, Gauges, Histogram

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
rpc_late = Counter("rpc_late_total", "Requests dropped unread, because their caller had given up")
rpc_unanswered = Counter("rpc_unanswered_total", "Answers that could not be sent")
letters_kept = Counter("dead_letters_kept_total", "Dead letters brought from the broker into the database", ["reason"])
letters_replayed = Counter("dead_letters_replayed_total", "Dead letters given back to their handlers")
letters_waiting = Gauges("dead_letters_waiting", "Dead letters that wait for a person", "reason")
letters_oldest = Gauge("dead_letters_oldest_seconds", "Age of the oldest dead letter that waits for a person")
