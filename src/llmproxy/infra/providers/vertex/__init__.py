"""Google Vertex AI: where it is called, whatever the wire of the model."""
