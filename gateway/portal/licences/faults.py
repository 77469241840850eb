"""What can be wrong with handing out seats, in sentences."""

from flask_babel import lazy_gettext as _l

from gateway.faults import SENTENCES

SENTENCES.update(
    {
        "nobody_chosen": _l("Tick at least one person."),
        "not_enough_seats": _l(
            "You ticked more people (%(wanted)s) than there are unused licences (%(available)s). Nothing was changed."
        ),
        "already_assigned": _l("Has this licence already, and has not finished yet."),
        "stranger_chosen": _l("Somebody you ticked does not belong to your organisation. Nothing was changed."),
        "no_choice": _l("The modules of this training are fixed."),
        "repeated_module": _l("A module is chosen twice."),
        "unknown_person": _l("Does not belong to your organisation."),
        "cannot_withdraw": _l("It can be taken back only before the training is begun."),
        "wrong_hours": _l("The modules must add up to the hours asked for."),
        "unknown_module": _l("There is no such module."),
        "modules_not_chosen": _l("Choose the modules."),
    }
)
