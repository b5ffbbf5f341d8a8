"""What Google offers beside chat: embeddings, images, speech and transcripts."""
