"""``jenkins2fa validate``: checks files without a cluster."""
