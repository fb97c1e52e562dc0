"""The driver for the plugin miniorange-two-factor."""
