"""``jenkins2fa plan``: show what policies would change in running controllers. Reads only."""
