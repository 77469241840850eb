"""Which events the gateway may listen to: the broker lets it bind to these types and no others."""

HEARD = frozenset(
    {
        "certificates.archive_progressed.v1",
        "identity.account_changed.v1",
        "identity.session_ended.v1",
        "identity.sign_in_settled.v1",
        "orders.bank_statement_progressed.v1",
    }
)
