"""GGUF models over llama.cpp's C API: slots, shared KV memory, one batch for all, a sampler chain each."""
