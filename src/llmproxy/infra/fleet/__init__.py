"""What workers tell one another of deployments that are unwell."""
