"""Models that draw: diffusers pipelines here, or a server with the API of AUTOMATIC1111's web UI."""
