"""The order form: a quantity for each product of the catalogue, kept as typed."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway.faults import sentence, sentence_of
from libs.contracts.errors import Fault, ServiceError
from libs.contracts.orders import Catalogue, NewOrderLine, ProductView

WHOLE = re.compile(r"-?[0-9]{1,40}")
LONGEST = 9
"""Digits of a quantity that is worth asking about; how much is too much the service says."""


@dataclass
class Row:
    """A product with the quantity as typed and what is wrong with it."""

    product: ProductView
    typed: str = ""
    fault: str = ""

    @property
    def name(self) -> str:
        """The name of its field."""
        return f"quantity-{self.product.sku}"


@dataclass
class OrderForm:
    """All products; ``faults`` that concern none of them stand in ``general``."""

    rows: list[Row]
    general: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, catalogue: Catalogue, typed: Mapping[str, str]) -> "OrderForm":
        """The form with what was typed into it."""
        form = cls([Row(product) for product in catalogue.items])
        for row in form.rows:
            row.typed = typed.get(row.name, "").strip()
        return form

    def lines(self) -> list[NewOrderLine]:
        """The order's lines; faults are noted where a quantity is no positive whole number."""
        lines = []
        for row in self.rows:
            if row.typed in ("", "0"):
                continue
            if not WHOLE.fullmatch(row.typed):
                row.fault = sentence("not_a_whole_number")
            elif len(row.typed.lstrip("-0")) > LONGEST or int(row.typed) < 1:
                row.fault = sentence("out_of_range")
            else:
                lines.append(NewOrderLine(sku=row.product.sku, quantity=int(row.typed)))
        if not lines and not self.faulty:
            self.general.append(sentence("nothing_chosen"))
        return lines

    def show(self, error: ServiceError, lines: list[NewOrderLine]) -> None:
        """Put what the service refused beside the products it concerns."""
        rows = {row.product.sku: row for row in self.rows}
        for fault in error.faults:
            row = rows.get(_sku_of(fault, lines))
            if row is None:
                self.general.append(sentence(fault.code, fault.params))
            else:
                row.fault = sentence(fault.code, fault.params)
        if not error.faults:
            self.general.append(sentence_of(error))

    @property
    def faulty(self) -> bool:
        """Whether anything is wrong."""
        return bool(self.general) or any(row.fault for row in self.rows)

    def summary(self) -> list[tuple[str, str]]:
        """Address and sentence of each fault for the top of the page."""
        products = [(f"#{row.name}", row.fault) for row in self.rows if row.fault]
        return [*products, *(("#order", text) for text in self.general)]


def _sku_of(fault: Fault, lines: list[NewOrderLine]) -> str:
    parts = fault.field.split(".")
    if len(parts) > 1 and parts[0] == "lines" and parts[1].isdigit() and int(parts[1]) < len(lines):
        return lines[int(parts[1])].sku
    return ""
