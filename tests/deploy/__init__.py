"""What can be known of an installation without a Docker engine, a cluster or a cloud."""
