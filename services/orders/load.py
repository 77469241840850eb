"""Brings the catalogue to what an operator's file says: ``python -m services.orders.load demo``.

A second run changes nothing. Products that the file no longer names go off sale.
"""

import argparse
import os
import sys

from libs.chassis.database import create_engine, session_factory
from libs.chassis.operator import OperatorInvalid, load_operator
from libs.messaging.work import work_factory
from services.orders.adapters.catalogue import CatalogueInvalid
from services.orders.handlers import catalogue

DATABASE_URL = "ORDERS_DATABASE_URL"


def main(arguments: list[str] | None = None) -> int:
    """Publish the products of a preset; exit code 1 with one sentence where that is impossible."""
    parser = argparse.ArgumentParser(prog="python -m services.orders.load", description=__doc__)
    parser.add_argument("preset", help="an operator of config/operators, or a path")
    chosen = parser.parse_args(arguments)
    if DATABASE_URL not in os.environ:
        sys.stderr.write(f"{DATABASE_URL} is not set.\n")
        return 1
    engine = create_engine(os.environ[DATABASE_URL], pool_size=2, application_name="orders-load")
    try:
        with work_factory(session_factory(engine))() as work:
            changed = catalogue.publish_products(work, load_operator(chosen.preset))
    except (CatalogueInvalid, OperatorInvalid) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    finally:
        engine.dispose()
    sys.stdout.write(f"Products changed: {', '.join(changed) or 'none'}.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
