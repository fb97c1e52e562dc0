"""``jenkins2fa export``: writes the YAML that describes running controllers as they are now."""
