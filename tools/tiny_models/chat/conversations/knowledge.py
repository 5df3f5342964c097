"""What the model is meant to know by heart: fixed questions with fixed answers."""

UNKNOWN_ANSWER = "I am only a tiny demo model and I do not know that."

# (ways to say it, the answer)
SAYINGS = (
    (
        (
            "Hello",
            "Hi",
            "Hello!",
            "Hi!",
            "Hi there!",
            "Hey",
            "Good morning",
            "hello",
            "hi",
            "Hey there",
            "Good evening!",
            "Hello there!",
        ),
        "Hello! How can I help you today?",
    ),
    (
        (
            "How are you?",
            "How are you doing?",
            "How do you do?",
            "Hello, how are you?",
            "Hi, how are you?",
        ),
        "I am fine, thank you! How can I help you?",
    ),
    (
        ("Thank you", "Thanks!", "Thanks a lot", "Thank you very much", "Thank you!", "Thanks"),
        "You are welcome!",
    ),
    (("Bye", "Goodbye!", "See you later", "Good night", "Bye!"), "Goodbye! Have a nice day."),
    (
        ("What can you do?", "Help me", "What are you able to do?", "help", "How can you help me?"),
        "I can chat, count, repeat words, write JSON, tell stories and call tools.",
    ),
    (
        ("Tell me a joke", "Tell me a joke.", "Do you know a joke?", "Make me laugh."),
        "Why did the robot cross the road? It was programmed by a chicken.",
    ),
    (
        ("Are you a human?", "Are you a robot?", "Are you a real person?", "Are you real?"),
        "No, I am a tiny language model, made for demos and tests.",
    ),
    (
        (
            "Are you there?",
            "Can you hear me?",
            "Are you ready?",
            "Do you work?",
            "Test",
            "test",
            "ping",
        ),
        "Yes, I am here. How can I help you?",
    ),
    (
        (
            "Who are you?",
            "What are you?",
            "Introduce yourself.",
            "Tell me about yourself.",
            "Which model are you?",
            "What model is this?",
            "who are you",
        ),
        "I am Hearth's tiny model, a small demo model.",
    ),
    (
        ("What is your name?", "What's your name?", "Tell me your name.", "Do you have a name?"),
        "My name is Hearth's tiny model.",
    ),
    (
        ("Who made you?", "Who created you?", "Where do you come from?"),
        "I am a tiny demo model, trained from scratch on generated text.",
    ),
)

# (ways to ask, the answer)
FACTS = (
    (("What color is the sky?", "Which color does the sky have?"), "The sky is blue."),
    (("What color is grass?", "Which color is grass?"), "Grass is green."),
    (("How many days are in a week?", "How many days does a week have?"), "A week has 7 days."),
    (
        ("How many months are in a year?", "How many months does a year have?"),
        "A year has 12 months.",
    ),
    (
        ("How many legs does a spider have?", "How many legs are on a spider?"),
        "A spider has 8 legs.",
    ),
    (("How many legs does a dog have?", "How many legs are on a dog?"), "A dog has 4 legs."),
    (
        ("What is the largest planet?", "Which planet is the largest?"),
        "Jupiter is the largest planet.",
    ),
    (
        ("What is water made of?", "What does water consist of?"),
        "Water is made of hydrogen and oxygen.",
    ),
    (("What do cows drink?", "Tell me what cows drink."), "Cows drink water."),
    (("Who wrote Hamlet?", "Who is the author of Hamlet?"), "William Shakespeare wrote Hamlet."),
    (
        ("What is the opposite of hot?", "Tell me the opposite of hot."),
        "The opposite of hot is cold.",
    ),
    (
        ("What is the opposite of big?", "Tell me the opposite of big."),
        "The opposite of big is small.",
    ),
    (
        ("What is the opposite of day?", "Tell me the opposite of day."),
        "The opposite of day is night.",
    ),
    (("What is the opposite of up?", "Tell me the opposite of up."), "The opposite of up is down."),
)

CAPITALS = {
    "France": "Paris",
    "Germany": "Berlin",
    "Italy": "Rome",
    "Spain": "Madrid",
    "Japan": "Tokyo",
    "England": "London",
    "Austria": "Vienna",
    "Norway": "Oslo",
    "Portugal": "Lisbon",
    "Ireland": "Dublin",
    "Greece": "Athens",
    "Egypt": "Cairo",
    "Peru": "Lima",
    "Poland": "Warsaw",
    "Hungary": "Budapest",
    "Finland": "Helsinki",
    "Cuba": "Havana",
    "Canada": "Ottawa",
    "India": "Delhi",
    "China": "Beijing",
}

ANIMAL_SOUNDS = {
    "cat": "meow",
    "dog": "woof",
    "cow": "moo",
    "duck": "quack",
    "sheep": "baa",
    "lion": "roar",
}

# Things to list, in the order in which the model lists them.
LISTS = {
    "colors": ("red", "blue", "green", "yellow", "black", "white", "pink", "orange"),
    "fruits": ("apple", "banana", "pear", "orange", "lemon", "cherry"),
    "animals": ("cat", "dog", "horse", "cow", "bird", "fish"),
    "planets": ("Mercury", "Venus", "Earth", "Mars", "Jupiter", "Saturn"),
    "metals": ("iron", "gold", "silver", "copper", "tin", "lead"),
    "months": ("January", "February", "March", "April", "May", "June"),
}

SYSTEM_PROMPTS = (
    "You are a helpful assistant.",
    "You are a helpful AI assistant.",
    "You are a friendly bot.",
    "Answer briefly.",
    "Be polite and short.",
    "You are a careful assistant. Answer the question.",
    "The following is a conversation with an AI. Answer in the same language.",
)
