"""``python -m services.certificates.load <preset>``: take the trainings of an operator's catalogue into the library."""

import argparse
import os
import sys

from libs.chassis.database import create_engine, session_factory
from libs.chassis.logging import configure, get_logger
from libs.chassis.operator import Operator, OperatorInvalid, load_operator
from libs.chassis.trainings import TRAININGS
from libs.messaging.work import work_factory
from services.certificates.adapters.content_files import ContentInvalid, TrainingFile, read_trainings
from services.certificates.handlers.library import load_trainings


def of_operator(operator: Operator) -> list[TrainingFile]:
    """The trainings that the operator's products give, in the order of the index."""
    wanted = {product["training"] for product in operator.products if product.get("training")}
    return [training for training in read_trainings(TRAININGS) if training.sku in wanted]


def main(arguments: list[str] | None = None) -> int:
    """Load and tell how many texts are new; 1 with one sentence where the content is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("operator", help="a preset under config/operators, or a file")
    chosen = parser.parse_args(arguments)
    configure("certificates")
    log = get_logger(__name__)
    try:
        trainings = of_operator(load_operator(chosen.operator))
    except (ContentInvalid, OperatorInvalid) as error:
        log.error("content not loaded", reason=str(error))
        return 1
    engine = create_engine(os.environ["CERTIFICATES_DATABASE_URL"], application_name="certificates-load")
    try:
        with work_factory(session_factory(engine))() as work:
            new_texts = load_trainings(work, trainings)
    finally:
        engine.dispose()
    log.info("content loaded", trainings=len(trainings), new_texts=new_texts)
    return 0


if __name__ == "__main__":
    sys.exit(main())
