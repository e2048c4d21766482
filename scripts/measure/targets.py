"""The targets of the design, each held against the figures of this run."""

from collections.abc import Callable
from dataclasses import dataclass

from . import scenarios, websocket
from .process import TICKS_A_SECOND
from .scenarios import MB
from .servers import DOCROOT, FLOOR, LIGHTTPD, NGINX, NGINX_CACHED, PEERS, STATIC_WEB_SERVER, TUNGSTENITE

# The option that has a target of its own.
INSPECT = "--inspect"

NGINXES = (NGINX_CACHED, NGINX)


@dataclass(frozen=True)
class Verdict:
    """One target: what was wanted, what was measured."""

    text: str
    measured: str
    is_met: bool


@dataclass(frozen=True)
class CostRatio:
    """CPU time per request, or per what `unit` says: at most this fraction of the cheapest of `others`."""

    scenario: str
    others: tuple
    bound: float
    of_whom: str
    unit: str = "request"

    def judge(self, results):
        """The verdict, or None where it was not measured."""
        figures = results.loads.get(self.scenario, {})
        others = [figures[name].cost for name in self.others if name in figures]
        if DOCROOT not in figures or not others:
            return None
        ratio = figures[DOCROOT].cost / min(others)
        text = f"{self.scenario}: CPU per {self.unit} at most {self.bound:.2f} of {self.of_whom}"
        return Verdict(text, f"{ratio:.2f}", ratio <= self.bound)


@dataclass(frozen=True)
class Bound:
    """A figure of the server's own."""

    scenario: str
    text: str
    # From the results to what was measured, in words, and whether it is met; or to None.
    measure: Callable
    # Whom it is held against, if anybody.
    others: tuple = ()

    def judge(self, results):
        """The verdict, or None where it was not measured."""
        measured = self.measure(results)
        return measured and Verdict(f"{self.scenario}: {self.text}", *measured)


def _many(judge):
    def measure(results):
        figures = results.loads.get("1k-c10000", {})
        return judge(figures) if DOCROOT in figures else None

    return measure


def _faster_than_nginx(figures):
    others = [figures[name].rate for name in NGINXES if name in figures]
    if not others:
        return None
    own, best = figures[DOCROOT].rate, max(others)
    return f"{own:,.0f} against {best:,.0f}", own > best


def _without_errors(figures):
    errors = figures[DOCROOT].errors
    return f"{errors}", errors == 0


def _lean(figures):
    return _at_most(figures[DOCROOT].resident / MB, 16, "MB")


def _idle_memory(results):
    idle = results.idle.get(DOCROOT)
    return idle and _at_most(idle.resident / MB, 10, "MB")


def _idle_cpu(results):
    idle = results.idle.get(DOCROOT)
    return idle and _no_cpu(idle)


def _idle_websocket_memory(results):
    idle = results.idle_websockets
    if not idle:
        return None
    ratio = idle[websocket.QUIET].resident / idle[websocket.HTTP].resident
    return f"{ratio:.2f}", ratio <= 1.05


def _idle_websocket_cpu(results):
    idle = results.idle_websockets.get(websocket.QUIET)
    return idle and _no_cpu(idle)


def _no_cpu(idle):
    # Less than a tick of the clock by which the kernel shows what a process has used.
    return f"{idle.cpu * 1000:.1f} ms in {idle.seconds:.0f} s", idle.cpu < 1 / TICKS_A_SECOND


def _at_most(value, bound, unit):
    return f"{value:.1f} {unit}", value <= bound


def _inspect_cost(results):
    figures = results.options
    if not figures:
        return None
    ratio = figures[INSPECT].cost / figures[DOCROOT].cost
    return f"{ratio:.2f}", ratio <= 1.05


def _start(results):
    return _at_most(results.start[DOCROOT] * 1000, 10, "ms") if DOCROOT in results.start else None


def _size(results):
    return _at_most(results.size / MB, 3, "MB") if results.size else None


def _over_tls(scenario, bound):
    yield CostRatio(scenario, (NGINX_CACHED,), bound, "nginx with open_file_cache")
    yield CostRatio(scenario, (STATIC_WEB_SERVER,), 1.00, "static-web-server")


def _echoes(bound):
    for echo in scenarios.ECHOES:
        if not echo.is_extra:
            yield CostRatio(echo.name, (TUNGSTENITE,), bound, "tungstenite", echo.unit())


TARGETS = (
    CostRatio("1k-c64", (LIGHTTPD,), 0.80, "lighttpd"),
    CostRatio("1k-c64", (NGINX_CACHED,), 0.60, "nginx with open_file_cache"),
    CostRatio("1k-c64", (FLOOR,), 1.15, "the canned-answer floor"),
    CostRatio("1k-c256", (LIGHTTPD,), 0.80, "lighttpd"),
    CostRatio("1k-c256", (NGINX_CACHED,), 0.60, "nginx with open_file_cache"),
    CostRatio("1k-c256", (FLOOR,), 1.15, "the canned-answer floor"),
    Bound("1k-c10000", "no errors", _many(_without_errors)),
    Bound("1k-c10000", "more requests per second than nginx", _many(_faster_than_nginx), NGINXES),
    Bound("1k-c10000", "at most 16 MB resident", _many(_lean)),
    CostRatio("100k", PEERS, 0.90, "the best peer"),
    CostRatio("10m", PEERS, 1.00, "the best peer"),
    CostRatio("64m", PEERS, 1.05, "the best peer"),
    CostRatio("256m", PEERS, 1.10, "the best peer"),
    CostRatio("1g-c1", PEERS, 1.00, "the best peer"),
    CostRatio("1g", PEERS, 1.00, "the best peer"),
    CostRatio("gzip", NGINXES, 0.20, "nginx"),
    CostRatio("close", (NGINX_CACHED,), 1.00, "nginx with open_file_cache"),
    *_over_tls("tls-1k", 0.85),
    *_over_tls("tls-10m", 0.60),
    *_over_tls("tls-full", 0.75),
    *_over_tls("tls-resumed", 1.00),
    Bound(
        scenarios.OPTIONS,
        "CPU per request with --inspect and no open page: at most 1.05 of that without",
        _inspect_cost,
        (INSPECT,),
    ),
    Bound(scenarios.IDLE, "at most 10 MB resident", _idle_memory),
    Bound(scenarios.IDLE, "no measurable CPU", _idle_cpu),
    *_echoes(1.00),
    Bound(scenarios.IDLE_WEBSOCKETS, "at most 1.05 times the memory of idle HTTP connections", _idle_websocket_memory),
    Bound(scenarios.IDLE_WEBSOCKETS, "no measurable CPU without pings", _idle_websocket_cpu),
    Bound(scenarios.START, "first answer within 10 ms", _start),
    Bound(scenarios.SIZE, "binary of at most 3 MB", _size),
)


def compared(scenario):
    """The servers that the targets of a scenario speak of: what a quick run measures."""
    return {name for target in TARGETS if target.scenario == scenario for name in target.others}


def verdicts(results):
    """Every target that was measured."""
    return [verdict for target in TARGETS if (verdict := target.judge(results))]
