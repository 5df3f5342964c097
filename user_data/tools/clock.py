"""What time it is, which no model knows."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo


def current_time(timezone: str = "") -> str:
    """Tell the current date, day of the week and time.

    Args:
        timezone: An IANA name such as "Europe/Berlin"; empty for the time zone of this computer.
    """
    now = datetime.now(ZoneInfo(timezone)) if timezone else datetime.now().astimezone()
    return now.strftime("%A, %Y-%m-%d, %H:%M:%S %Z (UTC%z)")


def days_between(start: str, end: str) -> int:
    """Count the days from one date to another.

    Args:
        start: The first date, as YYYY-MM-DD.
        end: The second date, as YYYY-MM-DD. Earlier than the first one gives a negative number.
    """
    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)) // timedelta(days=1)
