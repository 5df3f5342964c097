"""Text to speech: eSpeak NG, which needs no weights, and the neural voices of Piper and Kokoro."""
