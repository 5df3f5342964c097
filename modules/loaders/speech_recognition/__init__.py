"""Speech to text. Its files import av, numpy, torch and whisper, and are themselves imported late."""
