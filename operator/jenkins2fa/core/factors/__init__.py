"""Second factors: how strong each is, and which of them and of the rules an installed plugin can have."""
