"""What the operator reports about itself: metrics, health and logs."""
