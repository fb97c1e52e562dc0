"""``jenkins2fa report``: for auditors, whether a second factor is enforced at each controller, and by what proof."""
