"""``jenkins2fa audit``: asks many controllers with canary accounts whether they demand a second factor."""
