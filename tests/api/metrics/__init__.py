"""What /metrics tells, read by a real Prometheus."""
