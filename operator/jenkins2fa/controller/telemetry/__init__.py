"""What the operator tells about itself: metrics, health and logs."""
