"""Images that are drawn by rules, without any data."""
