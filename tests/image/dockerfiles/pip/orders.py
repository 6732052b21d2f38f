"""A module of the project itself."""

WHAT = "orders"
