"""Finding faces, turning them into vectors and searching them. Knows nothing of Django."""
