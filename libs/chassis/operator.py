"""The operator of an installation: everything that makes it a ministry's or an academy's is configuration."""

import tomllib
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from stdnum import bic, iban

from libs.contracts.base import LocalText

PRESETS = Path(__file__).resolve().parents[2] / "config" / "operators"


class OperatorInvalid(Exception):
    """The operator's file is missing or says something impossible."""


@dataclass(frozen=True, kw_only=True)
class Support:
    """Where people ask."""

    email: str
    phone: str


@dataclass(frozen=True, kw_only=True)
class Supplier:
    """Who sells and invoices: the payee of every transfer. ``latin_name`` is for payment QR codes."""

    name: LocalText
    latin_name: str
    number: str
    vat_number: str
    address: LocalText
    country: str
    iban: str
    bic: str
    bank: LocalText
    invoice_signatory: LocalText


@dataclass(frozen=True, kw_only=True)
class Ordering:
    """``settlement``: ``payment`` (bank transfer) or ``approval`` (an official approves)."""

    settlement: str
    payment_days: int
    expiry_days: int
    number_prefix: str = ""


@dataclass(frozen=True, kw_only=True)
class Training:
    """What certificates carry of the operator."""

    certificate_prefix: str
    pass_mark: int
    signatory: LocalText
    signatory_title: LocalText
    registration: LocalText


@dataclass(frozen=True, kw_only=True)
class Operator:
    """One installation serves one operator."""

    key: str
    name: LocalText
    tagline: LocalText
    languages: list[str]
    region: str
    support: Support
    supplier: Supplier
    ordering: Ordering
    training: Training
    products: list[dict[str, Any]] = field(default_factory=list)
    demo: dict[str, Any] = field(default_factory=dict)


def load_operator(name_or_path: str) -> Operator:
    """The operator of a preset's name or a file's path; raises :class:`OperatorInvalid` in words."""
    return _load(str(name_or_path))


@cache
def _load(name_or_path: str) -> Operator:
    path = Path(name_or_path) if name_or_path.endswith(".toml") else PRESETS / f"{name_or_path}.toml"
    if not path.is_file():
        known = ", ".join(sorted(preset.stem for preset in PRESETS.glob("*.toml")))
        raise OperatorInvalid(f"There is no operator {name_or_path!r}. Known presets: {known}.")
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
        operator = Operator(
            key=path.stem,
            support=Support(**data.pop("support")),
            supplier=Supplier(**data.pop("supplier")),
            ordering=Ordering(**data.pop("ordering")),
            training=Training(**data.pop("training")),
            **data,
        )
    except (tomllib.TOMLDecodeError, TypeError, KeyError) as error:
        raise OperatorInvalid(f"{path.name}: {error}") from None
    if not iban.is_valid(operator.supplier.iban):
        raise OperatorInvalid(f"{path.name}: supplier.iban is not a valid IBAN")
    if not bic.is_valid(operator.supplier.bic):
        raise OperatorInvalid(f"{path.name}: supplier.bic is not a valid BIC")
    if operator.ordering.settlement not in ("payment", "approval"):
        raise OperatorInvalid(f"{path.name}: ordering.settlement is payment or approval")
    return operator
