"""The pages: one folder for each journey, found by itself.

A journey is a package with ``views.py`` that holds ``journey``, a blueprint made by :func:`gateway.portal.journey.new`.
"""

import importlib
import importlib.util
import pkgutil

from flask import Flask


def install(app: Flask) -> None:
    """Register every journey."""
    for module in sorted(pkgutil.iter_modules(__path__), key=lambda m: m.name):
        if module.ispkg and importlib.util.find_spec(f"{__name__}.{module.name}.views"):
            app.register_blueprint(importlib.import_module(f"{__name__}.{module.name}.views").journey)
