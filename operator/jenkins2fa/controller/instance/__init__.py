"""One reconcile of one instance: everything that happens to one Jenkins controller."""
