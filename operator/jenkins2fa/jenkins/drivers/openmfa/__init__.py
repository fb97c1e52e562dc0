"""The driver for the plugin openmfa."""
