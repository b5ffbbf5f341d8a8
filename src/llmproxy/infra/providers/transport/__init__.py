"""The one HTTP/1.1 client that every provider uses: pooled, bounded, cancellable."""
