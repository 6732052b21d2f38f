"""What `pylambda build` makes out of a project: a zip, an image, the layers beside them."""
