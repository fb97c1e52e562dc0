"""One reconcile of one policy: adds up the statuses of its instances. It never talks to a Jenkins controller."""
