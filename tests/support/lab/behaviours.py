"""What the hostile server can do, by name: each entry is one way in which an answer can be odd or wrong."""

from datetime import datetime, timezone
from email.utils import format_datetime

from .hostile import DATE, AtFirst, Behaviour, Close, Hang, Receive, Repeat, Reset, Send, SendTwiceDated, Step

_FILLER = b"X-Filler: 0123456789\r\n"
_MEBIBYTE = 1 << 20


def answer(status: str = "200 OK", *headers: str, version: str = "1.1", date: str | None = DATE.decode()) -> bytes:
    """The header of an answer; `date` is what its Date field says, None leaves the field out."""
    lines = [f"HTTP/{version} {status}", *headers]
    if date is not None:
        lines.append(f"Date: {date}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def answering(*steps: Step) -> Behaviour:
    """Speaks TLS properly, then takes these steps on each request."""
    return Behaviour(steps)


def connecting(*steps: Step) -> Behaviour:
    """Takes these steps instead of TLS."""
    return Behaviour((), on_connect=steps)


def plain(status: str = "200 OK", *headers: str, date: str | None = DATE.decode()) -> Behaviour:
    """One ordinary answer to each request."""
    return answering(Send(answer(status, "Content-Length: 0", *headers, date=date)))


def dated(date: str | None) -> Behaviour:
    """Answers as it should, but with this Date, or without one."""
    return plain(date=date)


def in_the_year(year: int) -> Behaviour:
    """Answers with a well-formed Date of that year."""
    return dated(format_datetime(datetime(year, 11, 23, 12, tzinfo=timezone.utc), usegmt=True))


HONEST = plain()

#: Odd, but the time in it is as good as any: must be measured.
MEASURABLE: dict[str, Behaviour] = {
    "honest": HONEST,
    "redirect": plain("301 Moved Permanently", "Location: https://elsewhere.invalid/"),
    "not found": plain("404 Not Found"),
    "unavailable": plain("503 Service Unavailable", "Retry-After: 120"),
    "100 first": answering(Send(b"HTTP/1.1 100 Continue\r\n\r\n"), Send(answer())),
    "103 first": answering(Send(b"HTTP/1.1 103 Early Hints\r\nLink: </s.css>; rel=preload\r\n\r\n"), Send(answer())),
    "header in small pieces": answering(
        Send(b"HTTP/1.1 2"), Send(b"00 OK\r\nDa"), Send(b"te: " + DATE + b"\r"), Send(b"\n\r"), Send(b"\n")
    ),
    "same date twice": plain("200 OK", f"Date: {DATE.decode()}"),
    "two dates 30 ms apart": answering(SendTwiceDated(0.03)),
    "no reason": plain("200"),
    "an empty reason": plain("200 "),
    "lines that end in LF": answering(Send(answer().replace(b"\r\n", b"\n"))),
    "empty lines first": answering(Send(b"\r\n\r\n" + answer())),
    "cookies and a policy of 60 KiB": plain("200 OK", *(f"Set-Cookie: a{i}={'x' * 4000}" for i in range(15))),
}

#: The first answer is as good as any, and the next one of no use: must be measured, by the first alone.
MEASURABLE_AT_FIRST: dict[str, Behaviour] = {
    name: answering(AtFirst(Send(answer()), Send(later)))
    for name, later in {
        "then no date": answer(date=None),
        "then two dates": answer("200 OK", "Date: Sun, 06 Nov 1994 08:49:37 GMT"),
        "then date in words": answer(date="yesterday"),
        "then another protocol": b"220 mail.example ESMTP\r\n\r\n",
    }.items()
}

#: Each answer comes from a cache, as it says, though it is not old.
AGE_ZERO: Behaviour = plain("200 OK", "Age: 0")

#: The same, but each answer ends its connection, and a client may come back once.
MEASURABLE_TWICE: dict[str, Behaviour] = {
    "body on head": answering(Send(answer("200 OK", "Content-Length: 13") + b"<p>Hello.</p>")),
    "http 1.0": answering(Send(answer(version="1.0")), Close()),
    "connection close": answering(Send(answer("200 OK", "Connection: close")), Close()),
}

#: Must fail, with this code.
REFUSED: dict[str, tuple[str, Behaviour]] = {
    "then 1999": (
        "implausible",
        answering(AtFirst(Send(answer()), Send(answer(date="Tue, 23 Nov 1999 12:00:00 GMT")))),
    ),
    "no date": ("date_missing", dated(None)),
    "two dates": ("date_malformed", plain("200 OK", "Date: Sun, 06 Nov 1994 08:49:37 GMT")),
    "date in words": ("date_malformed", dated("yesterday")),
    "empty date": ("date_malformed", dated("")),
    "wrong weekday": ("date_malformed", dated("Mon, 06 Nov 1994 08:49:37 GMT")),
    "31 June": ("date_malformed", dated("Wed, 31 Jun 2026 08:49:37 GMT")),
    "time zone": ("date_malformed", dated("Sun, 06 Nov 1994 08:49:37 +0100")),
    "text after the date": ("date_malformed", dated("Sun, 06 Nov 1994 08:49:37 GMT; or so")),
    "1926": ("implausible", in_the_year(1926)),
    "1999": ("implausible", in_the_year(1999)),
    "2126": ("implausible", in_the_year(2126)),
    "an hour old": ("stale", plain("200 OK", "Age: 3600")),
    "a mebibyte of headers": (
        "http_malformed",
        answering(
            Send(b"HTTP/1.1 200 OK\r\n" + _FILLER * (_MEBIBYTE // len(_FILLER))),
            Send(b"Date: " + DATE + b"\r\n\r\n"),
        ),
    ),
    "one header of a mebibyte": (
        "http_malformed",
        answering(Send(b"HTTP/1.1 200 OK\r\nX-Filler: " + b"0" * _MEBIBYTE), Send(b"\r\nDate: " + DATE + b"\r\n\r\n")),
    ),
    "headers without end": ("http_malformed", answering(Send(b"HTTP/1.1 200 OK\r\n"), Repeat(_FILLER * 200))),
    "interim answers without end": ("http_malformed", answering(Repeat(b"HTTP/1.1 100 Continue\r\n\r\n" * 100))),
    "trickle without end": ("timeout", answering(Send(b"HTTP/1.1 200 OK\r\nX-Slow: "), Repeat(b"z", interval=0.1))),
    "never answers": ("timeout", answering(Hang())),
    "reset inside the header": ("http_malformed", answering(Send(b"HTTP/1.1 200 OK\r\nDate: Su"), Reset())),
    "closed inside the header": ("http_malformed", answering(Send(b"HTTP/1.1 200 OK\r\nDate: Su"), Close())),
    "closes without answering": ("http_malformed", answering(Close())),
    "garbage": ("http_malformed", answering(Send(bytes(range(128, 256)) * 8 + b"\r\n\r\n"), Close())),
    "another protocol": ("http_malformed", answering(Send(b"220 mail.example ESMTP\r\n\r\n"), Hang())),
    "never speaks TLS": ("timeout", connecting(Hang())),
    "speaks plaintext": ("tls_handshake", connecting(Send(answer()), Hang())),
    "hangs up before TLS": ("tls_handshake", connecting(Receive(), Close())),
    "resets before TLS": ("tls_handshake", connecting(Receive(), Reset())),
    "garbage for TLS": ("tls_handshake", connecting(Send(b"\x16\x03\x03\xff\xff" + b"\xa5" * 4096), Hang())),
    "handshake without end": (
        "tls_handshake",
        connecting(Repeat(b"\x16\x03\x03\x40\x00" + b"\x0b\x00\xff\xff" * 4096)),
    ),
}
