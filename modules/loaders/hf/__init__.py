"""transformers: models of safetensors folders, behind the same protocols as llama.cpp."""
