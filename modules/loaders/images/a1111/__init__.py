"""Pictures made on a server with the API of AUTOMATIC1111's web UI (/sdapi/v1): also Forge, SD.Next and others speak it."""
