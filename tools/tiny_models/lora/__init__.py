"""LoRA adapters for the tiny chat model, trained on its own conversations said in another voice."""
