"""The registry while it changes: under constant load, on several workers, with its store away."""
