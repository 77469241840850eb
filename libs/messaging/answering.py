"""What happens between a request and its answer, apart from how either travels."""

import json
import re
import time
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from libs.chassis.clock import Clock, SystemClock
from libs.chassis.ids import new_id
from libs.chassis.logging import correlated, correlation_id, get_logger
from libs.chassis.principal import Principal, PrincipalVerifier
from libs.contracts.base import dump, load
from libs.contracts.errors import (
    Conflict,
    Internal,
    Invalid,
    NotFound,
    ServiceError,
    Unauthenticated,
    Unavailable,
    to_wire,
)
from libs.messaging import faults, metrics
from libs.messaging.backoff import Backoff
from libs.messaging.fail_points import reach
from libs.messaging.remembering import once
from libs.messaging.rpc import Method, ServiceRpc
from libs.messaging.work import WorkFactory

log = get_logger(__name__)

HEADER_PREFIX = "nameko."
RETRY_AFTER_SECONDS = 2
_TRACE_ID = re.compile(r"[A-Za-z0-9._:-]{1,100}")


@dataclass(frozen=True, kw_only=True)
class Request:
    """A request as it came off the wire, its envelope checked, its content not yet."""

    method: str
    kwargs: Mapping[str, Any]
    principal: str | None = None
    correlation_id: str | None = None
    command_id: str | None = None
    deadline: datetime | None = None


class Malformed(Exception):
    """A request whose envelope cannot be read; ``reason`` is a stable word."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


def read_request(routing_key: str, headers: Mapping[str, Any], body: bytes) -> Request:
    """Read the wire form of a request; raises :class:`Malformed`."""
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        raise Malformed("not_json") from None
    if not isinstance(content, dict) or not isinstance(content.get("kwargs"), dict) or content.get("args") != []:
        raise Malformed("no_arguments")
    texts = {name: _text(headers, name) for name in ("principal", "correlation_id", "command_id", "deadline")}
    trace_id = texts["correlation_id"]
    return Request(
        method=routing_key.partition(".")[2],
        kwargs=content["kwargs"],
        principal=texts["principal"],
        correlation_id=trace_id if trace_id and _TRACE_ID.fullmatch(trace_id) else None,
        command_id=texts["command_id"],
        deadline=_instant(texts["deadline"]),
    )


def _text(headers: Mapping[str, Any], name: str) -> str | None:
    value = headers.get(HEADER_PREFIX + name)
    if value is not None and not isinstance(value, str):
        raise Malformed(f"wrong_header_{name}")
    return value or None


def _instant(value: str | None) -> datetime | None:
    if value is None:
        return None
    try:
        instant = datetime.fromisoformat(value)
    except ValueError:
        raise Malformed("wrong_header_deadline") from None
    if instant.tzinfo is None:
        raise Malformed("wrong_header_deadline")
    return instant


def _may_run_again(method: Method, request: Request) -> bool:
    """Whether a deed may be run again though it is not known if it was done."""
    return method.kind == "query" or (method.remember and request.command_id is not None)


class _Verified:
    """Remembers the principals it has verified until they expire: a page asks several times with one."""

    LIMIT = 2_000

    def __init__(self, verifier: PrincipalVerifier, clock: Clock) -> None:
        self._verifier = verifier
        self._clock = clock
        self._known: dict[str, tuple[float, Principal]] = {}

    def verify(self, token: str) -> Principal:
        expires, principal = self._known.get(token, (0.0, None))
        if principal is not None and self._clock.now().timestamp() < expires:
            return principal
        principal = self._verifier.verify(token)
        if len(self._known) >= self.LIMIT:
            self._known.clear()
        self._known[token] = (_expiry(token), principal)
        return principal


def _expiry(token: str) -> float:
    """The ``exp`` claim of a token that has been verified."""
    payload = token.split(".")[1]
    claims = json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return float(claims["exp"])


class Answering:
    """Answers the requests of one service."""

    def __init__(
        self,
        service: type[ServiceRpc],
        *,
        open_work: WorkFactory,
        verifier: PrincipalVerifier,
        clock: Clock | None = None,
    ) -> None:
        self._service = service
        self._methods = {method.name: method for method in service.methods()}
        self._open_work = open_work
        self._clock = clock or SystemClock()
        self._verified = _Verified(verifier, self._clock)

    @property
    def methods(self) -> list[Method]:
        """What may be asked."""
        return list(self._methods.values())

    def answer(self, request: Request) -> dict[str, Any]:
        """The wire form of the answer; never raises."""
        with correlated(request.correlation_id or str(new_id())):
            return self._answer(request)

    def _answer(self, request: Request) -> dict[str, Any]:
        began = time.perf_counter()
        method = self._methods.get(request.method)
        name = method.name if method else "unknown"
        try:
            result, error = self._result(method, request), None
        except ServiceError as refusal:
            result, error = None, refusal
        except Exception as failure:
            result, error = None, self._translate(failure, name)
        finally:
            metrics.rpc_seconds.labels(name).observe(time.perf_counter() - began)
        outcome = error.KIND if error else "done"
        metrics.rpc_calls.labels(name, outcome).inc()
        if method and method.kind == "command":  # questions leave no trace: there are too many
            log.info("command", method=name, outcome=outcome)
        return {"result": result, "error": error_to_wire(error) if error else None}

    def _result(self, method: Method | None, request: Request) -> Any:
        if method is None:
            raise NotFound("no_such_method", "There is no such method.")
        self._require_time(request)
        principal = self._principal(method, request)
        if set(request.kwargs) != {"request"}:
            raise Invalid.field("request", "required")
        content: Any = load(method.request, request.kwargs["request"])
        failures = 0
        while True:
            try:
                answer = self._attempt(method, request, principal, content)
                break
            except Exception as error:
                failures += 1
                self._require_time(request)
                if faults.is_lost_connection(error) and failures == 1 and _may_run_again(method, request):
                    continue  # it had died in the pool; the pool is fresh now
                if failures >= faults.COLLISIONS or not faults.is_collision(error):
                    raise
                time.sleep(Backoff(0.005 * 2**failures).next())
        if method.kind == "command":
            reach("rpc.after_effect")
        return answer

    def _require_time(self, request: Request) -> None:
        if request.deadline and request.deadline <= self._clock.now():
            raise Unavailable("deadline_passed", "The answer would come too late.", retry_after=RETRY_AFTER_SECONDS)

    def _principal(self, method: Method, request: Request) -> Principal | None:
        if request.principal is not None:
            return self._verified.verify(request.principal)
        if not method.public:
            raise Unauthenticated
        return None

    def _attempt(self, method: Method, request: Request, principal: Principal | None, content: Any) -> Any:
        with self._open_work(
            principal=principal,
            correlation_id=correlation_id.get(),
            causation_id=request.command_id,
            read_only=method.kind == "query",
        ) as work:

            def run() -> Any:
                return encode(method.function(self._service(), work, content))

            if method.remember and request.command_id:
                return once(
                    work, command_id=request.command_id, name=method.name, request=request.kwargs["request"], run=run
                )
            return run()

    def _translate(self, error: Exception, method: str) -> ServiceError:
        if faults.is_collision(error):
            return Conflict("changed_meanwhile", "Somebody else changed this at the same moment.")
        if faults.is_outage(error) or faults.is_overload(error):
            log.warning("request refused for now", method=method, reason=str(faults.describe(error)))
            return Unavailable(retry_after=RETRY_AFTER_SECONDS)
        log.error("request failed", method=method, **faults.for_log(error))
        return Internal()


def encode(answer: Any) -> Any:
    """The JSON-ready form of what a method returned."""
    if answer is None:
        return None
    if isinstance(answer, list):
        return [encode(one) for one in answer]
    return dump(answer)


def error_to_wire(error: ServiceError) -> dict[str, Any]:
    """The error as nameko's clients expect one; ours read ``value``, by code."""
    return {"exc_type": type(error).__name__, "exc_path": "", "exc_args": [], "value": to_wire(error)}
