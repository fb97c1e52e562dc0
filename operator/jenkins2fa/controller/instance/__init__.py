"""The reconcile of an instance: everything that the operator does with one Jenkins controller."""
