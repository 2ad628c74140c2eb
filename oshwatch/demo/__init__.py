"""The demo: simulated factories, a broker, a mail catcher and the whole service, faster than real time."""
