"""Rules small enough to be followed by hand."""

import pytest

from tests.oracle import Rules

PAID = "^(.*cp.*|ppc|retargeting|paid.*)$"
SHOP = "^(.*(([^a-df-z]|^)shop|shopping).*)$"
SEEDS = {
    "event_type_aliases": "alias,event_type\npageview,page_view\norder_completed,purchase\n",
    "click_ids": "rank,click_id,source,medium\n"
    "10,fbclid,facebook,\n9,ttclid,tiktok,paid_social\n2,msclkid,bing,cpc\n1,gclid,google,cpc\n",
    "channel_rules": "rank,channel,source_pattern,source_category,medium_pattern,campaign_pattern\n"
    "100,cross_network,,,,cross-network\n"
    f"200,paid_shopping,,shopping,{PAID},\n"
    f"210,paid_shopping,,,{PAID},{SHOP}\n"
    f"300,paid_search,,search,{PAID},\n"
    f"400,paid_social,,social,{PAID},\n"
    "600,display,,,^(display|cpm)$,\n"
    f"700,paid_other,,,{PAID},\n"
    f"810,organic_shopping,,,,{SHOP}\n"
    "900,organic_social,,social,,\n"
    "1100,organic_search,,search,,\n"
    "1110,organic_search,,,^organic$,\n"
    "1200,ai_assistant,,,^ai-assistant$,\n"
    "1300,referral,,,^(referral|app|link)$,\n"
    "1400,email,^(email|e-mail)$,,,\n"
    "1410,email,,,^(email|e-mail)$,\n",
    "source_categories": "source,category,origin\ngoogle,search,\nbing,search,\nyahoo.com,search,\n"
    "facebook,social,\nfacebook.com,social,\ntiktok,social,\nshopping.yahoo.com,shopping,\n"
    "google.{},search,\nmail.google.com,email,\ndocs.google.com,none,\nchatgpt.com,ai,\n"
    "com.google.android.gm,email,\n",
    "country_suffixes": "suffix\ncom\nde\nco.uk\n",
    "own_domains": "domain\nwww.own.example\n",
    "referral_exclusions": "domain,provider\npaypal.com,paypal\n",
}


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> Rules:
    directory = tmp_path_factory.mktemp("seeds")
    for name, text in SEEDS.items():
        (directory / f"{name}.csv").write_text(text, encoding="utf-8")
    return Rules.load(directory)
