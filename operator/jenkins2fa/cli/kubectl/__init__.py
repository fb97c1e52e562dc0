"""``kubectl twofactor``: the fleet, and what a person does to it, with that person's kubeconfig and rights."""
