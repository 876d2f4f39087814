"""Where the visits of the generated shop come from, and what each of them is good for.

Roles are planted: some origins open journeys and win customers who would not have bought else,
others only close what was won already. So first touch, last touch and the models that look at
whole journeys have to tell different stories.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Origin:
    """An origin of visits.

    Attributes:
        opens: how often a journey of several visits begins with it; all origins together make 100.
        assists: how often it stands in between; likewise.
        closes: how often it is the last; likewise.
        alone: how often it is the only one; likewise.
        effect: the chance to buy that a visit from it adds, in one of ten thousand.
        source: utm_source.
        medium: utm_medium.
        campaign: utm_campaign, to which a number from 1 to 3 is appended.
        click_id: name of the click id that comes along in page_url.
        referrer: the page before.
        is_in_url: the tags stand in page_url, not in columns of their own.
        cents_per_visit: what a visit costs in advertising.
    """

    opens: int
    assists: int
    closes: int
    alone: int
    effect: int
    source: str | None = None
    medium: str | None = None
    campaign: str | None = None
    click_id: str | None = None
    referrer: str | None = None
    is_in_url: bool = field(default=False, kw_only=True)
    cents_per_visit: int = field(default=0, kw_only=True)


_GOOGLE = "https://www.google.com/"

ORIGINS: tuple[Origin, ...] = (
    # direct: closes a lot, does nothing
    Origin(6, 12, 27, 22, 60),
    # openers: they win customers
    Origin(
        19,
        5,
        1,
        8,
        900,
        "facebook",
        "paid_social",
        "prospecting_",
        "fbclid",
        is_in_url=True,
        cents_per_visit=160,
    ),
    Origin(6, 2, 0, 3, 800, click_id="ttclid", cents_per_visit=130),
    Origin(11, 4, 1, 5, 620, "dv360", "display", "reach_", cents_per_visit=90),
    Origin(5, 3, 0, 3, 560, "youtube", "cpv", "video_", is_in_url=True, cents_per_visit=70),
    Origin(
        9,
        7,
        4,
        7,
        520,
        "google",
        "cpc",
        "generic_",
        "gclid",
        _GOOGLE,
        is_in_url=True,
        cents_per_visit=280,
    ),
    # in between: what convinces
    Origin(7, 15, 3, 5, 780, referrer="https://blog.reviews.example.org/best-of"),
    Origin(4, 12, 3, 4, 740, referrer="https://chatgpt.com/"),
    Origin(16, 17, 10, 16, 300, referrer=_GOOGLE),
    Origin(3, 3, 1, 3, 320, referrer="https://www.bing.com/search"),
    Origin(6, 6, 1, 6, 340, referrer="https://l.instagram.com/"),
    Origin(2, 3, 3, 3, 280, "google", "cpc", "shopping_feed_", "gclid", cents_per_visit=180),
    # closers: they meet those who have made up their minds
    Origin(
        2,
        3,
        21,
        6,
        70,
        "google",
        "cpc",
        "brand_",
        "gclid",
        _GOOGLE,
        is_in_url=True,
        cents_per_visit=90,
    ),
    Origin(1, 5, 15, 4, 160, "newsletter", "email", "weekly_", is_in_url=True, cents_per_visit=8),
    Origin(
        1,
        1,
        6,
        2,
        110,
        "partner-one",
        "affiliate",
        "cashback_",
        is_in_url=True,
        cents_per_visit=100,
    ),
    Origin(0, 1, 2, 1, 120, "crm", "sms", "reminder_", cents_per_visit=20),
    # tagged, but matching no rule: unassigned
    Origin(2, 1, 2, 2, 150, "flyer", "qr", "store_"),
)

DIRECT = 1
"""The number of the origin without any evidence, counted from 1 as SQL does."""

BASE_CHANCE = 80
"""Chance to buy without any visit's help, in one of ten thousand."""
