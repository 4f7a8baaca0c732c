"""Image synthesis: generators, and the terms of their objective."""
