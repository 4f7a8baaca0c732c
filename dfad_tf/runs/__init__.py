"""One run: its folder, plan, training, exports and summary."""
