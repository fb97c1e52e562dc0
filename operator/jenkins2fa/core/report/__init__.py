"""The report for auditors as data: what is known of each instance, by what proof, and what is not known."""
