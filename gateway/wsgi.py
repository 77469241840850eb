"""What gunicorn serves: ``gunicorn -c gateway/gunicorn.conf.py gateway.wsgi:app``."""

import logging

from gateway.app import create_app
from gateway.bus import Bus
from gateway.settings import load
from libs.chassis.logging import configure

configure("gateway")
# What goes wrong with the broker is told once, by the bus.
logging.getLogger("pika").setLevel(logging.CRITICAL)
settings = load()
bus = Bus(settings.amqp_url, settings)
bus.start()
app = create_app(settings, bus)
