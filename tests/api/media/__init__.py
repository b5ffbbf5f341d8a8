"""Speech, transcriptions and images: what comes or goes as bytes, through the real server."""
