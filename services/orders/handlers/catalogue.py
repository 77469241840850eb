"""The catalogue comes from the operator's file."""

from sqlalchemy import select

from libs.chassis.operator import Operator
from libs.chassis.trainings import load_trainings
from libs.messaging.work import Work
from services.orders.adapters.catalogue import product_facts
from services.orders.model import Product


def publish_products(work: Work, operator: Operator) -> list[str]:
    """Bring the catalogue to what the operator's file says; give the skus that changed.

    A product that the file no longer names goes off sale; orders keep what they were placed with.
    Raises `CatalogueInvalid` where the file says something impossible, before anything is changed.
    """
    facts = [product_facts(entry, place, load_trainings()) for place, entry in enumerate(operator.products, start=1)]
    known = {product.sku: product for product in work.session.scalars(select(Product).with_for_update())}
    changed = [fact["sku"] for fact in facts if _product(work, known, fact["sku"]).publish(fact)]
    for sku in known.keys() - {fact["sku"] for fact in facts}:
        known[sku].on_sale = False
    return changed


def _product(work: Work, known: dict[str, Product], sku: str) -> Product:
    if sku in known:
        return known[sku]
    product = Product.blank(sku)
    work.session.add(product)
    return product
