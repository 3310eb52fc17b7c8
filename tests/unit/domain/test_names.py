import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from stepless.domain.names import MAX_NAMES, Name, NameType, check_common_name, classify, classify_all
from stepless.errors import CAError, MalformedRequest


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("leaf.example", NameType.DNS, "leaf.example"),
        ("LEAF.example", NameType.DNS, "LEAF.example"),
        ("*.leaf.example", NameType.DNS, "*.leaf.example"),
        ("localhost", NameType.DNS, "localhost"),
        ("127.0.0.1", NameType.IP, "127.0.0.1"),
        ("::1", NameType.IP, "::1"),
        ("2001:DB8:0::1", NameType.IP, "2001:db8::1"),
        ("::ffff:192.0.2.1", NameType.IP, "192.0.2.1"),
        ("127.0.0.1:80", NameType.DNS, "127.0.0.1:80"),
        ("[::1]", NameType.DNS, "[::1]"),
        ("localhost:8080", NameType.URI, "localhost:8080"),
        ("foo:bar", NameType.URI, "foo:bar"),
        ("https://leaf.example/path", NameType.URI, "https://leaf.example/path"),
        ("spiffe://trust.example/workload", NameType.URI, "spiffe://trust.example/workload"),
        ("mailto:a@leaf.example", NameType.URI, "mailto:a@leaf.example"),
        ("a@leaf.example", NameType.EMAIL, "a@leaf.example"),
        ("1.2.3", NameType.DNS, "1.2.3"),
        ("010.0.0.1", NameType.DNS, "010.0.0.1"),
    ],
)
def test_gives_a_text_the_type_that_step_gives_it(text: str, kind: NameType, value: str) -> None:
    assert classify(text) == Name(kind, value)


def test_an_address_of_one_interface_is_not_an_ip_address() -> None:
    assert classify("fe80::1%eth0").type is not NameType.IP


def test_orders_names_as_step_writes_them_and_keeps_the_order_within_a_type() -> None:
    given_names = ["https://u.example/", "10.0.0.2", "b.example", "a@b.example", "a.example", "10.0.0.1"]
    assert [name.value for name in classify_all(given_names)] == [
        "b.example",
        "a.example",
        "a@b.example",
        "10.0.0.2",
        "10.0.0.1",
        "https://u.example/",
    ]


def test_leaves_out_empty_and_repeated_names() -> None:
    names = classify_all(["a.example", "", "::1", "a.example", "0:0::1"])
    assert names == (Name(NameType.DNS, "a.example"), Name(NameType.IP, "::1"))


def test_takes_as_many_names_as_a_certificate_carries_and_not_one_more() -> None:
    texts = [f"h{number}.example" for number in range(MAX_NAMES + 1)]
    assert len(classify_all(texts[:-1])) == MAX_NAMES
    with pytest.raises(MalformedRequest, match="101 names"):
        classify_all(texts)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("a b.example", id="fail/space"),
        pytest.param("a.example\n", id="fail/line-break"),
        pytest.param("a\x00.example", id="fail/null-byte"),
        pytest.param("bücher.example", id="fail/not-ascii"),
        pytest.param("a..example", id="fail/empty-label"),
        pytest.param(".example", id="fail/leading-dot"),
        pytest.param("a.example.", id="fail/trailing-dot"),
        pytest.param("-a.example", id="fail/leading-hyphen"),
        pytest.param("a-.example", id="fail/trailing-hyphen"),
        pytest.param("a" * 64 + ".example", id="fail/label-of-64"),
        pytest.param(".".join(["a" * 60] * 5), id="fail/304-characters"),
        pytest.param("*", id="fail/star-alone"),
        pytest.param("a.*.example", id="fail/star-inside"),
        pytest.param("*.*.example", id="fail/two-stars"),
        pytest.param("f*.example", id="fail/star-in-a-label"),
        pytest.param("127.0.0.1:80", id="fail/address-with-port"),
        pytest.param("[::1]", id="fail/address-in-brackets"),
        pytest.param("@b.example", id="fail/e-mail-without-local-part"),
        pytest.param("a@", id="fail/e-mail-without-host"),
        pytest.param("a@b@c.example", id="fail/two-ats"),
        pytest.param("a@*.example", id="fail/e-mail-at-a-wildcard"),
        pytest.param("(c)@b.example", id="fail/e-mail-with-a-comment"),
        pytest.param("a,b@c.example", id="fail/e-mail-with-a-comma"),
        pytest.param("<a@b.example", id="fail/e-mail-with-an-angle"),
        pytest.param('"@b.example', id="fail/e-mail-with-a-quote"),
        pytest.param("a\\@b.example", id="fail/e-mail-with-a-backslash"),
        pytest.param("a..b@c.example", id="fail/e-mail-with-two-dots"),
        pytest.param("a" * 65 + "@b.example", id="fail/local-part-of-65"),
        pytest.param("http://", id="fail/uri-without-host-and-path"),
        pytest.param("a:", id="fail/scheme-alone"),
        pytest.param("http://[::1", id="fail/uri-with-half-an-address"),
        pytest.param("u:" + "a" * 2048, id="fail/uri-of-2050"),
    ],
)
def test_refuses_names_that_parsers_would_disagree_about(text: str) -> None:
    with pytest.raises(MalformedRequest):
        classify_all([text])


@pytest.mark.parametrize("text", ["o'neil+tag@b.example", "a.b@c", "_srv._tcp.example", "xn--bcher-kva.example"])
def test_takes_unusual_but_valid_names(text: str) -> None:
    assert [name.value for name in classify_all([text])] == [text]


_NAME_LIKE = st.text(st.sampled_from('aZ09.-_@:/*%[]()<>,;"\\ \x00ü'), max_size=24)
_EMAIL_LIKE = _NAME_LIKE.map(lambda local: f"{local}@b.example")


@given(st.lists(st.text() | _NAME_LIKE | _EMAIL_LIKE | st.ip_addresses().map(str) | st.emails(), max_size=6))
def test_any_texts_become_names_that_a_certificate_carries_or_are_refused(texts: list[str]) -> None:
    try:
        names = classify_all(texts)
    except CAError:
        return
    extension = x509.SubjectAlternativeName([name.general_name() for name in names])
    assert [classify(str(name.value)) for name in extension] == list(names)


@given(st.text() | _NAME_LIKE | st.ip_addresses().map(str))
def test_a_name_is_of_the_type_that_its_value_has(text: str) -> None:
    name = classify(text)
    assert classify(name.value) == name


@pytest.mark.parametrize("text", ["", "leaf.example", "Bücher & Co", "x" * 64])
def test_takes_common_names_that_fit(text: str) -> None:
    assert check_common_name(text) == text


@pytest.mark.parametrize("text", ["x" * 65, "a\nb", "a\x00b", "a\u202eb", "\ud800"])
def test_refuses_common_names_that_do_not_fit(text: str) -> None:
    with pytest.raises(MalformedRequest, match="common name"):
        check_common_name(text)
