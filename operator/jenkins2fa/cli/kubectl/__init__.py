"""``kubectl twofactor``: show and control the fleet, with the user's own kubeconfig and rights."""
