"""One driver for each Jenkins plugin: how its settings are written down, what it can do, and its pages."""
