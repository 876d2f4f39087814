"""How fields are read: text, times, revenue (SPEC.md sections 1 and 2)."""

CAMPAIGN = "campaign_value(trimmed('text'))"
TIME = "parsed_event_time('text')"
DAY = "parsed_spend_date('text')"
REVENUE = "parsed_revenue('text')"


# --- Text -----------------------------------------------------------------------------------------


def test_white_space_around_a_value_does_not_count(assert_answers):
    assert_answers(
        "trimmed('text')",
        {
            "a": "a",
            "  a ": "a",
            "\ta\r\n": "a",
            "\u00a0a\u00a0": "a",
            "a  b\tc": "a  b\tc",
            "'": "'",
            "Ä": "Ä",
        },
    )


def test_a_value_of_white_space_alone_is_missing(assert_answers):
    assert_answers("trimmed('text')", {"": None, " ": None, "\t \n": None, None: None})


def test_words_for_nothing_are_missing_in_campaign_fields_whatever_their_case(assert_answers):
    assert_answers(
        CAMPAIGN,
        {
            None: None,
            "": None,
            " ": None,
            "null": None,
            "NULL": None,
            " Null ": None,
            "undefined": None,
            "Undefined": None,
            "nan": None,
            "NaN": None,
            "(not set)": None,
            " (Not Set)": None,
        },
    )


def test_other_campaign_values_stay_as_they_are_but_for_white_space(assert_answers):
    assert_answers(
        CAMPAIGN,
        {
            " Spring Sale ": "Spring Sale",
            "(none)": "(none)",
            "(direct)": "(direct)",
            "none": "none",
            "not set": "not set",
            "nullable": "nullable",
            "(not  set)": "(not  set)",
            "0": "0",
        },
    )


# --- Event times ----------------------------------------------------------------------------------


def test_a_time_of_iso_8601_may_have_any_offset_or_none_which_is_utc(assert_answers):
    assert_answers(
        TIME,
        {
            "2026-01-01T10:00:00Z": "2026-01-01 10:00:00",
            "2026-01-01T10:00:00": "2026-01-01 10:00:00",
            "2026-01-01T10:00:00+00:00": "2026-01-01 10:00:00",
            "2026-01-01T10:00:00-00:00": "2026-01-01 10:00:00",
            "2026-01-01T10:00:00+02:00": "2026-01-01 08:00:00",
            "2026-01-01T10:00:00-0530": "2026-01-01 15:30:00",
            "2026-01-01T10:00:00+05:45": "2026-01-01 04:15:00",
            "2026-01-01T10:00:00+02": "2026-01-01 08:00:00",
            "2026-01-01T00:30:00+14:00": "2025-12-31 10:30:00",
            "2026-03-29T02:30:00+01:00": "2026-03-29 01:30:00",
        },
        kind="timestamp",
    )


def test_a_time_may_have_a_space_for_the_t_and_either_letter_in_lower_case(assert_answers):
    assert_answers(
        TIME,
        {
            "2026-01-01 10:00:00": "2026-01-01 10:00:00",
            "2026-01-01 10:00:00Z": "2026-01-01 10:00:00",
            "2026-01-01 10:00:00+02:00": "2026-01-01 08:00:00",
            "2026-01-01 10:00:00 +02:00": "2026-01-01 08:00:00",
            "2026-01-01 10:00:00 -0200": "2026-01-01 12:00:00",
            "2026-01-01 10:00:00 Z": "2026-01-01 10:00:00",
            "2026-01-01t10:00:00z": "2026-01-01 10:00:00",
        },
        kind="timestamp",
    )


def test_a_time_may_be_shortened_to_the_minute_or_the_day_or_written_without_separators(
    assert_answers,
):
    assert_answers(
        TIME,
        {
            "2026-01-01T10:05": "2026-01-01 10:05:00",
            "2026-01-01": "2026-01-01 00:00:00",
            "2024-02-29": "2024-02-29 00:00:00",
            "20260101T100500Z": "2026-01-01 10:05:00",
            "20260101T100500": "2026-01-01 10:05:00",
            "20260101T100500.25+0200": "2026-01-01 08:05:00.25",
        },
        kind="timestamp",
    )


def test_fractions_of_a_second_are_cut_off_below_the_microsecond(assert_answers):
    assert_answers(
        TIME,
        {
            "2026-01-01T10:00:00.1Z": "2026-01-01 10:00:00.1",
            "2026-01-01T10:00:00,25Z": "2026-01-01 10:00:00.25",
            "2026-01-01T10:00:00.123456Z": "2026-01-01 10:00:00.123456",
            "2026-01-01T10:00:00.1234567Z": "2026-01-01 10:00:00.123456",
            "2026-01-01T10:00:00.999999999+01:00": "2026-01-01 09:00:00.999999",
            "2026-01-01T10:00:00.0000009": "2026-01-01 10:00:00",
            "2026-01-01T23:59:59.999999999999999999": "2026-01-01 23:59:59.999999",
        },
        kind="timestamp",
    )


def test_a_number_is_epoch_seconds_or_milliseconds_by_its_size(assert_answers):
    assert_answers(
        TIME,
        {
            "1767225600": "2026-01-01 00:00:00",
            "1767225600.5": "2026-01-01 00:00:00.5",
            "1767225600.1234567": "2026-01-01 00:00:00.123456",
            "1767225600.": "2026-01-01 00:00:00",
            "+1767225600": "2026-01-01 00:00:00",
            "1.7672256e9": "2026-01-01 00:00:00",
            "1767225600000": "2026-01-01 00:00:00",
            "1767225600123": "2026-01-01 00:00:00.123",
            "1767225600123.4567": "2026-01-01 00:00:00.123456",
            "1.767225600123E+12": "2026-01-01 00:00:00.123",
            "946684800": "2000-01-01 00:00:00",
            "0": "1970-01-01 00:00:00",
            "-1": "1969-12-31 23:59:59",
            "99999999999": "5138-11-16 09:46:39",
            "100000000000": "1973-03-03 09:46:40",
        },
        kind="timestamp",
    )


def test_anything_else_is_no_time(assert_answers):
    texts = [
        None,
        "",
        "yesterday",
        "null",
        "NaN",
        "Infinity",
        "1e400",
        "1767225600000000",  # microseconds
        "12 345",
        "0x6955",
        "2026-13-01",
        "2026-00-01",
        "2026-02-30",
        "2025-02-29",
        "2026-01-01T25:00:00Z",
        "2026-01-01T10:60:00Z",
        "2026-01-01T10:00:61Z",
        "2026-01-01T10:00:00+25:00",
        "2026-01-01T10:00:00+02:60",
        "2026-01-01T10:00:00+2",
        "2026-01-01T10:00:00.Z",
        "2026-01-01T9:00:00Z",
        "2026-1-1",
        "26-01-01",
        "2026/01/01",
        "01/02/2026",
        "01.02.2026 10:00",
        "2026-01-01T10:00:00Zulu",
        "2026-01-01T10:00:00Z 2026-01-02",
        "at 2026-01-01T10:00:00Z",
        "2026-01-01 10:00:00 CET",
        "2026-01-01  10:00:00",
        "Thu, 01 Jan 2026 10:00:00 GMT",
        "２０２６-01-01",  # noqa: RUF001  wide digits on purpose
    ]
    assert_answers(TIME, dict.fromkeys(texts), kind="timestamp")


def test_a_channel_given_is_in_snake_case(assert_answers):
    assert_answers(
        "normalized_channel(trimmed('text'))",
        {
            " Paid Social ": "paid_social",
            "paid-social": "paid_social",
            "(None)": "(none)",
            "(not set)": None,
            "NULL": None,
            " ": None,
        },
    )


# --- Days of spend --------------------------------------------------------------------------------


def test_a_day_of_spend_is_eight_digits_or_the_utc_day_of_an_instant(assert_answers):
    assert_answers(
        DAY,
        {
            "2026-01-31": "2026-01-31",
            "20260131": "2026-01-31",
            "20000229": "2000-02-29",
            "2026-02-01T00:30:00+02:00": "2026-01-31",
            "2026-01-31 23:59:59.999999": "2026-01-31",
            "20260131T235959-0100": "2026-02-01",
            "1767225600": "2026-01-01",
            "1767225600123": "2026-01-01",
            "20260230": None,
            "20261301": None,
            "2026-02-30": None,
            "2026-1-31": None,
            "31.01.2026": None,
            "01/31/2026": None,
            "2026-01": None,
            "": None,
            None: None,
        },
        kind="date",
    )


# --- Revenue --------------------------------------------------------------------------------------


def test_revenue_is_a_decimal_in_any_usual_notation(assert_answers):
    assert_answers(
        REVENUE,
        {
            "10": "10.00",
            "10.5": "10.50",
            "10.50": "10.50",
            "007.10": "7.10",
            "5.": "5.00",
            ".5": "0.50",
            "+5": "5.00",
            "1e2": "100.00",
            "1.5E+3": "1500.00",
            "12345e-2": "123.45",
            "0": "0.00",
            "0.00": "0.00",
            "-0": "0.00",
            "-0.00": "0.00",
        },
        kind="decimal(18, 2)",
    )


def test_revenue_is_rounded_half_up_once(assert_answers):
    assert_answers(
        REVENUE,
        {
            "0.004": "0.00",
            "0.005": "0.01",
            "0.015": "0.02",
            "0.025": "0.03",
            "1.005": "1.01",
            "2.675": "2.68",
            "10.554999": "10.55",
            "10.555": "10.56",
            "9.995": "10.00",
            "0.0049999999999999999999999999999": "0.00",
            "0.00499999999999999999999999999999999999999999999999999999": "0.00",
            "1e-400": "0.00",
        },
        kind="decimal(18, 2)",
    )


def test_revenue_goes_up_to_what_decimal_18_2_holds(assert_answers):
    assert_answers(
        REVENUE,
        {
            "9999999999999999.99": "9999999999999999.99",
            "9999999999999999.994": "9999999999999999.99",
            "9999999999999999.995": None,
            "10000000000000000": None,
            "1e16": None,
            "1e400": None,
            "99999999999999999999999999999999999999999999999999": None,
        },
        kind="decimal(18, 2)",
    )


def test_anything_else_is_no_revenue(assert_answers):
    texts = [
        None,
        "",
        "-1",
        "-0.01",
        "-0.001",
        "free",
        "null",
        "NaN",
        "nan",
        "Infinity",
        "-Infinity",
        "1,000",
        "1.000,00",
        "1 000",
        "1_000",
        "10 EUR",
        "$10",
        "€10",
        "10%",
        "10d",
        "10f",
        "0x10",
        "1e",
        "e5",
        ".",
        "+",
        "--5",
        "5-",
        "1.2.3",
        "١٢",
    ]
    assert_answers(REVENUE, dict.fromkeys(texts), kind="decimal(18, 2)")
