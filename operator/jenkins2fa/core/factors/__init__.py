"""Second factors: how strong each one is, and which factors and rules an installed plugin supports."""
