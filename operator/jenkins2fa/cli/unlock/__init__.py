"""``jenkins2fa unlock``: gets people back in when all else fails."""
