"""Serves a simulated Acumatica from the command line until it is stopped."""

import argparse
import json
import signal
import sys
from pathlib import Path
from threading import Event

from integration_tests.simulator.access.sessions import SeatAnswer
from integration_tests.simulator.catalog.releases import RELEASES, TODAY
from integration_tests.simulator.simulator import Simulator


def main() -> None:
    options = _options()
    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with _simulator(options) as simulator:
        config = simulator.config()
        if options.config_out:
            options.config_out.write_text(json.dumps(config, indent=2, ensure_ascii=False), encoding="utf-8")
        sys.stdout.write(json.dumps({"url": simulator.url, "config": config}, ensure_ascii=False) + "\n")
        sys.stdout.flush()
        stop.wait()


def _simulator(options: argparse.Namespace) -> Simulator:
    return Simulator(
        options.tenant or ("Company",),
        rows=options.rows,
        lines=options.lines,
        seed=options.seed,
        virtual_directory=options.virtual_directory,
        openapi=not options.old_build,
        shared_client=not options.own_clients,
        seats=options.seats,
        seat_answer=SeatAnswer(options.seat_answer),
        requests_per_minute=options.requests_per_minute,
        cores=options.cores,
        token_life_seconds=options.token_life_seconds,
        idle_seconds=options.idle_seconds,
        offset_minutes=options.offset_minutes,
        latency_seconds=options.latency_seconds,
        tracked=options.track or (),
        odata_page_rows=options.odata_page_rows,
        legacy_inquiries=options.legacy_inquiries,
        inflate_metadata_mb=options.inflate_metadata_mb,
        release=options.release,
        port=options.port,
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m integration_tests.simulator", description=__doc__)
    parser.add_argument("--tenant", action="append", help="login name of a tenant; may be given several times")
    parser.add_argument("--rows", type=int, default=50, help="base rows of each large table")
    parser.add_argument("--lines", type=int, default=3, help="most lines in a document")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--virtual-directory", default="/AcumaticaERP")
    parser.add_argument("--old-build", action="store_true", help="Swagger 2.0 and the old list of endpoints")
    parser.add_argument("--release", choices=list(RELEASES), default=TODAY, help="what the site is a build of")
    parser.add_argument("--own-clients", action="store_true", help="other credentials in each tenant")
    parser.add_argument("--seats", type=int, default=4)
    parser.add_argument("--seat-answer", choices=[each.value for each in SeatAnswer], default="api_login_limit")
    parser.add_argument("--requests-per-minute", type=int)
    parser.add_argument("--cores", type=int, help="requests that are worked on at once")
    parser.add_argument("--token-life-seconds", type=float, default=3600)
    parser.add_argument("--idle-seconds", type=float, default=600)
    parser.add_argument("--offset-minutes", type=int, default=-300)
    parser.add_argument("--latency-seconds", type=float, default=0.0)
    parser.add_argument("--track", action="append", help="table whose deletions are kept; may be given several times")
    parser.add_argument("--odata-page-rows", type=int, help="rows in a page that the OData server cuts by itself")
    parser.add_argument("--legacy-inquiries", type=int, choices=(3, 4), help="answer under /odata/ in new builds too")
    parser.add_argument("--inflate-metadata-mb", type=float, default=0.0, help="size of the tables' description")
    parser.add_argument("--config-out", type=Path, help="file that the connector's settings are written to")
    return parser.parse_args()


if __name__ == "__main__":
    main()
