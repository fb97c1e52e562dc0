"""Keeps the two-factor settings of running Jenkins controllers equal to policies in Git, and proves that they are in force.

Where things belong:

* ``api``         the custom resources and their status as frozen dataclasses, and parsing with path-precise errors
* ``core``        pure decisions: precedence, desired state, plan, guard, conditions; no I/O, no clock
* ``kube``        everything that talks to the API server: client, credentials, lease, Events
* ``jenkins``     everything that talks to a Jenkins: transport, errors, drivers, probes, Groovy scripts
* ``controller``  the operator: watches, work queue, the reconciles of instances and policies, telemetry
* ``cli``         the command line, over the same core

Dependencies point one way: ``cli, controller → kube, jenkins → core → api``.
"""

__version__ = "0.1.0"
