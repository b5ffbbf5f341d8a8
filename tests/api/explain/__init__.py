"""What explain shows, beside what then happens."""
