"""The fleet: how the deployments of each model are doing, and who is asked first."""
