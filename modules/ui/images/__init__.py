"""The tab Images: draw, edit, and what was kept."""
