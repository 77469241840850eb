"""Entry point of every service process: ``python -m libs.messaging.process orders rpc`` or ``… orders worker``."""

import argparse
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from typing import Any


def main(argv: Sequence[str] | None = None) -> int:
    """Run one process of a service until it is told to stop."""
    parser = argparse.ArgumentParser(prog="python -m libs.messaging.process", description=main.__doc__)
    parser.add_argument("service")
    parser.add_argument("process", choices=["rpc", "worker"])
    arguments = parser.parse_args(argv)
    stay_small()
    if arguments.process == "rpc":
        patch_for_eventlet()
        return run_rpc(arguments.service)
    return run_worker(arguments.service)


def stay_small() -> None:
    """Keep out what libraries load merely because it is installed; ten megabytes a process."""
    for unwanted in ("rich", "yaml"):
        sys.modules.setdefault(unwanted, None)  # type: ignore[arg-type]  # the import system's own way to say no


def patch_for_eventlet() -> None:
    """Make sockets, locks and psycopg yield to the hub; to be called before anything else is imported."""
    # psycopg's own waiting, in C, would stop the hub for the length of every query
    os.environ["PSYCOPG_WAIT_FUNC"] = "wait_select"
    # eventlet's own resolver knows neither search domains nor /etc/hosts as the machine does
    os.environ["EVENTLET_NO_GREENDNS"] = "yes"
    # real threads are for what fills a core (password hashes); each keeps the 19 MiB that its last hash took
    os.environ.setdefault("EVENTLET_THREADPOOL_SIZE", str(os.cpu_count() or 1))
    import warnings

    warnings.filterwarnings("ignore", message=r"\s*Eventlet is deprecated")
    import eventlet

    eventlet.monkey_patch()


def _setting(name: str) -> str:
    value = os.environ.get(name)
    if not value:
        sys.exit(f"{name} is not set")
    return value


def _engine(service: str, process: str, pool_size: int, *, read_only: bool = False) -> Any:
    from libs.chassis.database import create_engine

    return create_engine(
        _setting(f"{service.upper()}_DATABASE_URL"),
        pool_size=pool_size,
        application_name=f"{service}-{process}",
        pre_ping=False,  # everything here tries again by itself
        read_only=read_only,
    )


def _probing_engine(service: str, process: str) -> Any:
    from libs.messaging.looking import probing_engine

    return probing_engine(_setting(f"{service.upper()}_DATABASE_URL"), f"{service}-{process} health")


def _health(
    service: str,
    engine: Any,
    *,
    readiness: dict[str, Callable[[], None]],
    liveness: dict[str, Callable[[], None]],
) -> Any:
    from libs.chassis.health import HealthServer
    from libs.messaging.looking import database_checks

    server = HealthServer(
        int(os.environ.get("HEALTH_PORT", "0")),
        readiness=readiness,
        asked=database_checks(service, engine),
        liveness=liveness,
        host=os.environ.get("HEALTH_HOST", "127.0.0.1"),
    )
    server.start()
    return server


def _require(service: str, process: str) -> None:
    """End with one sentence where a key or setting that is needed later is missing or cannot be read now."""
    import importlib

    settings = importlib.import_module(f"services.{service}.settings") if _has_settings(service) else None
    try:
        if settings is not None and hasattr(settings, "require"):
            settings.require(process)
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        sys.exit(f"{service}-{process} cannot start: {reason}")


def _verifier() -> Any:
    from joserfc.errors import JoseError

    from libs.chassis.principal import PrincipalVerifier, read_key

    try:
        return PrincipalVerifier(read_key(_setting("PRINCIPAL_PUBLIC_KEY")))
    except (OSError, ValueError, JoseError) as error:
        sys.exit(f"PRINCIPAL_PUBLIC_KEY cannot be read: {error}")


def _has_settings(service: str) -> bool:
    import importlib.util

    return importlib.util.find_spec(f"services.{service}.settings") is not None


def run_worker(service: str) -> int:
    """Consumer, relay and jobs of a service; 0 where it stopped in good order."""
    import importlib

    from libs.chassis.logging import configure, get_logger
    from libs.chassis.waits import process_waits
    from libs.messaging.worker import Worker

    configure(f"{service}-worker")
    log = get_logger(__name__)
    _require(service, "worker")
    module = importlib.import_module(f"services.{service}.worker")
    jobs = list(getattr(module, "JOBS", ()))
    waits = process_waits()
    lanes = waits.consumer_lanes
    engine = _engine(service, "worker", lanes + len(jobs) + 5)
    probing = _probing_engine(service, "worker")
    worker = Worker(
        service,
        engine=engine,
        probing=probing,
        amqp_url=_setting("AMQP_URL"),
        subscriptions=getattr(module, "SUBSCRIPTIONS", {}),
        jobs=jobs,
        lanes=lanes,
        prefetch=waits.consumer_prefetch,
    )
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    worker.start()
    health = _health(service, probing, readiness=worker.readiness(), liveness=worker.liveness())
    log.info("worker started", health_port=health.port)
    while not stop.wait(60):
        pass
    log.info("worker stops")
    drained = worker.stop(waits.stop_seconds)
    log.info("worker stopped", drained=drained)
    return 0 if drained else 1


def run_rpc(service: str) -> int:
    """The nameko process of a service; 0 where it stopped in good order."""
    import importlib

    import eventlet

    from libs.chassis.database import session_factory
    from libs.chassis.logging import configure, get_logger
    from libs.chassis.waits import process_waits
    from libs.messaging.answering import Answering
    from libs.messaging.rim import Rim, runner
    from libs.messaging.rpc import rpc_class_of
    from libs.messaging.work import work_factory

    configure(f"{service}-rpc")
    log = get_logger(__name__)
    _require(service, "rpc")
    rpc_class = rpc_class_of(importlib.import_module(f"services.{service}.rpc"))
    engine = _engine(service, "rpc", 8)
    reading = _engine(service, "rpc", 8, read_only=True)
    answering = Answering(
        rpc_class,
        open_work=work_factory(session_factory(engine), read_sessions=session_factory(reading)),
        verifier=_verifier(),
    )
    rim = Rim(amqp_url=_setting("AMQP_URL"), answering=answering)
    waits = process_waits()
    nameko = runner(rpc_class, rim, max_workers=waits.rpc_workers)
    stopping: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda got, _frame: stopping.append(got))
    nameko.start()
    probing = _probing_engine(service, "rpc")
    health = _health(service, probing, readiness=rim.readiness(), liveness={"listener": rim.pulse.check})
    log.info("rpc started", health_port=health.port, methods=len(answering.methods))
    ended = eventlet.spawn(nameko.wait)
    while not stopping and not ended.dead:
        eventlet.sleep(0.1)
    if ended.dead:
        log.critical("rpc container died")
        return 1
    log.info("rpc stops")
    drained = False
    with eventlet.Timeout(waits.stop_seconds, False):
        nameko.stop()
        drained = True
    log.info("rpc stopped", drained=drained)
    return 0 if drained else 1


if __name__ == "__main__":
    sys.exit(main())
