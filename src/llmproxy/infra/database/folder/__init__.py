"""Documents kept as files, for those who keep them in git: read, never written."""
