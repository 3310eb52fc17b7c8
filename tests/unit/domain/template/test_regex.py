import pytest

from stepless.domain.template.regex import normalize, regex_size


@pytest.mark.parametrize(
    ("pattern", "same"),
    [
        (r"^[a-z0-9-]+\.example$", r"^[a-z0-9-]+\.example$"),
        ("[[:alpha:]_-]", "[A-Za-z_-]"),
        ("[[:^digit:]]", "[[:^digit:]]"),
        ("[]a]", r"[\]a]"),
        ("[^]a]", r"[^\]a]"),
        ("[a&&b]", r"[a\&\&b]"),
        (r"[\w.-]{1,3}}", r"[\w.-]{1,3}\}"),
        ("a{b", r"a\{b"),
        ("a]", r"a\]"),
        (r"\Qa.b\Ec", r"a\.bc"),
        (r"\Qa.b", r"a\.b"),
        (r"\07\101\a\v", r"\x07\x41\x07\x0B"),
        (r"\p{Lu}\pL\x{41}\x41", r"\p{Lu}\pL\x{41}\x41"),
    ],
)
def test_writes_a_pattern_so_that_both_engines_read_the_same(pattern: str, same: str) -> None:
    assert normalize(pattern) == same


@pytest.mark.parametrize(
    "pattern", [r"\k", r"\h", r"\Z", r"\u0041", "\\", r"[\b]", "[a", "[[:nope:]]", "[[:^alpha:]_]", r"\8"]
)
def test_refuses_what_go_does_not_know(pattern: str) -> None:
    with pytest.raises(ValueError, match="is not offered"):
        normalize(pattern)


@pytest.mark.parametrize(
    ("pattern", "at_least", "at_most"),
    [
        ("abc", 3, 5),
        ("a{1000}", 1_000, 1_010),
        ("(a{100}){100}", 10_000, 10_400),
        ("((a{1000}){1000}){1000}", 10**9, 10**10),
        ("a{100}{100}", 10_000, 10_200),
        ("(a{10,500}b)*", 500, 520),
        ("((((", 4, 20),
        ("a" * 1_000, 1_000, 1_001),
    ],
)
def test_the_size_of_a_pattern_counts_its_repetitions(pattern: str, at_least: int, at_most: int) -> None:
    assert at_least <= regex_size(pattern) <= at_most
