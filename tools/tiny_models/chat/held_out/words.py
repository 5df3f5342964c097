"""Words, names and places that only the held-out test set uses; the generator refuses them."""

from tools.tiny_models.chat.conversations.pools import words_of

WORDS = words_of("""
velvet thunder magnet pepper canyon lantern tunnel marble whistle blanket harbor compass rocket
jungle walnut kettle pillow saddle socket rabbit pocket ticket engine plastic purple koala zebra
umbrella volcano tractor cabbage dolphin cactus buffalo penguin cinnamon trumpet sandwich helmet
galaxy mosquito avocado cathedral elevator backpack raspberry chimney scissors mustard
""")

NAMES = words_of("""
Brandon Stella Dmitri Aisha Kenji Lucia Theo Priya Omar Ingrid Sanjay Celeste Matteo Freya Gustav
Leila Rajesh Bianca Thomas Monica Howard Sylvia Edgar Yolanda
""")

CITIES = words_of("""
Nairobi Auckland Montreal Marseille Bogota Hanoi Glasgow Seville Tbilisi Calgary Osaka Krakow
Houston Phoenix Antwerp Valencia Brisbane Edinburgh Rotterdam Santiago Casablanca Melbourne
Stockholm Copenhagen
""")

TIME_ZONES = words_of("""
Africa/Nairobi Pacific/Auckland America/Bogota Asia/Tbilisi Europe/Stockholm Australia/Melbourne
America/Phoenix Europe/Copenhagen Africa/Casablanca America/Santiago Australia/Brisbane
America/Argentina/Salta Asia/Osaka Indian/Mauritius
""")

# Values that the generator has too, for those rows of the test that are not about unknown words.
KNOWN_NAMES = words_of("""
Ann Bob Carol David Emma Frank Grace Henry Iris Jack Kate Leo Maria Nick Olga Paul Rosa Sam Tina
Victor
""")

KNOWN_CITIES = words_of("""
Paris London Berlin Rome Madrid Tokyo Vienna Oslo Lisbon Prague Dublin Athens Cairo Lima Boston
Chicago
""")

KNOWN_TIME_ZONES = words_of("""
Europe/London Europe/Paris Europe/Berlin Europe/Rome Asia/Tokyo Asia/Seoul America/Chicago
Africa/Cairo Australia/Sydney America/New_York UTC
""")

KNOWN_NOUNS = words_of("""
cat dog bird fish horse tree house car boat book chair table lamp river mountain apple banana cake
bread cheese moon robot dragon garden
""")

KNOWN_ADJECTIVES = words_of("""
red blue green yellow black white small big tall old new happy sad quick slow quiet
""")

_REFUSED = frozenset(word.lower() for word in (*WORDS, *NAMES, *CITIES))


def is_held_out(word: str) -> bool:
    """Whether the generator must not use this word because the test set asks for it."""
    return word.lower() in _REFUSED
