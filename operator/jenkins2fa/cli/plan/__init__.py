"""``jenkins2fa plan``: says what policies would change in running controllers. Reads only."""
