"""Images that are synthesised: generators, and the terms of their objective."""
