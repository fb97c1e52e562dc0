"""One driver for each Jenkins plugin: it knows the plugin's settings and how to read and write them."""
