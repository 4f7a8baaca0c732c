"""Load, check, describe, train and cache teachers."""
