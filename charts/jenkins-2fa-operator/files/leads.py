"""Ends with 0 once an operator holds the Lease and has renewed it within its duration: it reaches the API server, and has its rights."""

import os
import sys
import time
from datetime import UTC, datetime, timedelta

from jenkins2fa.api.meta import Key
from jenkins2fa.kube.client import Connection, Kubernetes, KubernetesError, NoConnection
from jenkins2fa.kube.lease import NAME

key = Key(os.environ["LEASE_NAMESPACE"], NAME)
deadline = time.monotonic() + float(os.environ.get("PATIENCE", "60"))
while True:
    try:
        spec = Kubernetes(Connection()).lease(key)["spec"]
        age = datetime.now(UTC) - datetime.fromisoformat(spec["renewTime"])
        if spec.get("holderIdentity") and age < timedelta(seconds=spec["leaseDurationSeconds"]):
            sys.exit(0)
        found = f"the Lease {key} was last renewed {age.total_seconds():.0f} s ago by {spec.get('holderIdentity') or 'nobody'}"
    except (KubernetesError, NoConnection) as error:
        found = str(error)
    if time.monotonic() > deadline:
        sys.exit(f"no operator leads: {found}")
    time.sleep(1)
