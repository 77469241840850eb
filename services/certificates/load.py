"""``python -m services.certificates.load <preset>``: take the trainings of an operator's catalogue into the library."""

import argparse
import os
import sys

from libs.chassis.database import create_engine, session_factory
from libs.chassis.operator import Operator, OperatorInvalid, load_operator
from libs.chassis.trainings import TRAININGS
from libs.messaging.work import work_factory
from services.certificates.adapters.content_files import ContentInvalid, TrainingFile, read_trainings
from services.certificates.handlers.library import load_trainings

DATABASE_URL = "CERTIFICATES_DATABASE_URL"


def of_operator(operator: Operator) -> list[TrainingFile]:
    """The trainings that the operator's products give, in the order of the index."""
    wanted = {product["training"] for product in operator.products if product.get("training")}
    return [training for training in read_trainings(TRAININGS) if training.sku in wanted]


def main(arguments: list[str] | None = None) -> int:
    """Load and tell how many texts are new; exit code 1 with one sentence where that is impossible."""
    parser = argparse.ArgumentParser(prog="python -m services.certificates.load", description=__doc__)
    parser.add_argument("preset", help="an operator of config/operators, or a path")
    chosen = parser.parse_args(arguments)
    if DATABASE_URL not in os.environ:
        sys.stderr.write(f"{DATABASE_URL} is not set.\n")
        return 1
    try:
        trainings = of_operator(load_operator(chosen.preset))
    except (ContentInvalid, OperatorInvalid) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    engine = create_engine(os.environ[DATABASE_URL], pool_size=2, application_name="certificates-load")
    try:
        with work_factory(session_factory(engine))() as work:
            new_texts = load_trainings(work, trainings)
    finally:
        engine.dispose()
    sys.stdout.write(f"Trainings: {len(trainings)}, new texts: {new_texts}.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
