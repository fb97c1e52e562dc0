"""Keeps the two-factor settings of running Jenkins controllers equal to policies in Git, and proves that they are in force.

Where things belong:

* ``api``         the two kinds and their status as frozen dataclasses, and parsing with path-precise errors
* ``core``        pure decisions: precedence, desired state, plan, guard, conditions; no I/O, no clock
* ``jenkins``     everything that talks to a Jenkins: transport, errors, drivers, probes, Groovy scripts
* ``controller``  everything that talks to Kubernetes: work queue, passes, handlers
* ``cli``         the command line, over the same core
"""

__version__ = "0.1.0"
