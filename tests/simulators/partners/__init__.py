"""Models of other makers that Vertex AI serves on wires of their own, by wire."""
