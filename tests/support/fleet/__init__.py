"""Fleets of thousands of Jenkinses for measurements: a fast fake in pure Python, and a process that serves many of them.

* ``state``    one Jenkins with the plugin (free edition), as data, and what the operator's scripts make of it
* ``jenkins``  the same as the network shows it: what it answers to scripts, looks and probes
* ``server``   many of them in one process, each on its port; some dead, some slow
* ``client``   starts that process, and asks it what it has seen

It runs none of our Groovy. The stand-in runs all of it, and ``tests/jenkins/standin/test_fleet_fake.py`` shows that both answer alike.
"""
