"""/v1/images/*: pictures from texts, from pictures, and of parts of pictures."""
