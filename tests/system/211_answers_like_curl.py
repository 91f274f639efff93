"""Answers are read as curl reads them: generated ones, many of them broken, given to both.

Never may we accept what curl refuses, nor read another Date than it. What curl accepts we may refuse, for a reason on
the list below and no other; each must come up. One thing is ours alone: up to two empty lines before the status line,
which browsers pass over and curl does not. The real curl is given the answer without them.

`211_answers_like_curl.py --answers 20000 --seed 7` looks further.
"""

import random
import re
import socket
import subprocess
import sys
import threading
import unittest
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from lab import BIN, LabError, executable, find_program, in_parallel

ANSWERS = 600
SEED = 1

_CORPUS = Path(__file__).resolve().parents[2] / "fuzz" / "corpus" / "http_answer"
_MOST_HEADER = 65536
_MOST_INTERIM = 4
_MOST_FOLDED = 4096
_MOST_SPREAD = 2
_AFTER_HEADERS = "== the first Date: "
_EMPTY_LINES = re.compile(rb"(\r?\n){1,2}(?=HTTP/1)")

# --- making answers ---------------------------------------------------------------------------------------------------

_DATE = b"Date: Sun, 06 Nov 1994 08:49:37 GMT"
_DATES = (
    _DATE, _DATE, _DATE, _DATE,
    b"Date: Sun, 06 Nov 1994 08:49:38 GMT",
    b"Date: Sun, 06 Nov 1994 08:49:39 GMT",
    b"dATE:Sunday, 06-Nov-94 08:49:37 GMT",
    b"DATE:\t Sun Nov  6 08:49:37 1994 \t",
    b"Date: Sun, 06 Nov 1994\n 08:49:37 GMT",
    b"Date:\n\t Sun, 06 Nov 1994 08:49:37 GMT",
    b"Date: Sun, 06 Nov 1994 08:49:37 GMT\n \t",
)  # fmt: skip
_ODD_DATES = (
    b"Date: Sun, 06 Nov 1994 08:49:40 GMT",
    b"Date: Thu, 31 Dec 1998 23:59:60 GMT",
    b"Date: Mon, 01 Jan 1900 00:00:00 GMT",
    b"Date: Mon, 06 Nov 1994 08:49:37 GMT",
    b"Date: Wed, 31 Jun 2026 08:49:37 GMT",
    b"Date: Sun, 06 Nov 1994 08:49:37 +0100",
    b"Date: yesterday", b"Date:", b"Date", b"Date : Sun, 06 Nov 1994 08:49:37 GMT",
    b"Date: Sun, 06 Nov 1994 08:49:37 GMT\r",
    b"Date: Sun, 06 Nov 1994 08:49:37 GMT\0",
    b"X-Date: Sun, 06 Nov 1994 08:49:40 GMT",
)  # fmt: skip
_FIELDS = (
    b"Server: x", b"Content-Type: text/html; charset=utf-8", b"Set-Cookie: a=b", b"Age: 0", b"Connection: close",
    b"Connection: keep-alive", b"Content-Length: 12", b"Transfer-Encoding: chunked", b"Vary:", b"X: y\n z",
    b"X: y\n\tz\n z", b"Content-Length: 0", b"Warning: 110 - \"Response is stale\"", b"Link: </x>; rel=\"a:b\"",
    b"X-Empty: \t ", b"X: \xc3\xa4",
)  # fmt: skip
_ODD_FIELDS = (
    b"Content-Length: -1", b"Content-Length: x", b"Content-Length:", b"Content-Length: 1, 1",
    b"Content-Length: 1, 2", b"Content-Length: 99999999999999999999999", b"Content-Length: +5",
    b"Content-Length: 12 ", b"Content-Length: 5x", b"Content-Length: 0x5", b"Content-Length: 1 2",
    b"Transfer-Encoding: nonsense", b"Transfer-Encoding: gzip, chunked", b"Transfer-Encoding: chunked, gzip",
    b"Transfer-Encoding:", b"Content-Encoding: nonsense", b"Upgrade: h2c", b"Location:", b"Connection: a b",
    b"X-\xc3\xa4: z", b"\"X\": y", b"no colon", b": no name", b"sp ace: x", b"X : y", b"X: \x01", b"X: \x7f",
    b"X: \0", b"X: a\rb", b"X: a\r", b"\rX: y", b" X: leading blank", b"\tX",
    b"X: " + b"f" * 3000 + b"\n " + b"f" * 3000, b"X: " + b"c" * 9000, b"X: " + b"c" * 30000, b"X: " + b"c" * 66000,
)  # fmt: skip
_STATUS_LINES = (
    b"HTTP/1.1 200 OK", b"HTTP/1.1 200 OK", b"HTTP/1.1 200 OK", b"HTTP/1.0 404 Not Found", b"HTTP/1.1 200",
    b"HTTP/1.1 200 ", b"HTTP/1.1 301 Moved  Permanently ", b"HTTP/1.0 503", b"HTTP/1.1 304 ",
    b"HTTP/1.1 204 No\tContent", b"HTTP/1.1 999 Odd", b"HTTP/1.1 599 K\xc3\xa4se",
)  # fmt: skip
_ODD_STATUS_LINES = (
    b"HTTP/1.1 200x", b"HTTP/1.1 2000 OK", b"HTTP/1.1 20 OK", b"HTTP/1.1 000 OK", b"HTTP/1.1 099 OK",
    b"HTTP/1.1  200 OK", b"HTTP/1.1\t200 OK", b"HTTP/1.1 200\tOK", b"HTTP/1.2 200 OK", b"HTTP/0.9 200 OK",
    b"HTTP/2 200", b"HTTP/2.0 200 OK", b"HTTP/3 200", b"http/1.1 200 OK", b"HTTP/1.1 200 OK\x01",
    b"HTTP/1.1 200 O\0K", b"HTTP/1.1 200 O\rK", b" HTTP/1.1 200 OK", b"HTTP/1.1", b"HTTP/1.1 ", b"HTTP 200 OK",
    b"ICY 200 OK", b"HTTP/11 200 OK", b"HTTP/1.10 200 OK", b"HTTP/01.1 200 OK", b"220 mail.example ESMTP",
    b"<html>", b"HTTP/1.1 101 Switching Protocols", b"HTTP/1.1 +20 OK", b"HTTP/1.1 -20 OK",
)  # fmt: skip
_INTERIM = (b"HTTP/1.1 100 Continue", b"HTTP/1.1 103 Early Hints", b"HTTP/1.1 102", b"HTTP/1.0 100 ")


class Generator:
    """Answers, mostly with one or two things odd about them."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def answer(self) -> bytes:
        chance = self._random.random
        ends = self._random.choice(((b"\r\n",), (b"\r\n",), (b"\n",), (b"\r\n", b"\n"), (b"\r\n",) * 20 + (b"\r\r\n",)))
        made = self._random.choice((b"\r\n", b"\n", b"\r\n\n", b"\n\n\n", b"\r", b" ")) if chance() < 0.1 else b""
        if chance() < 0.2:
            for _ in range(self._random.choice((1, 1, 2, _MOST_INTERIM, _MOST_INTERIM + 1))):
                made += self._header(self._random.choice(_INTERIM), self._fields(2), ends)
        status = self._random.choice(_ODD_STATUS_LINES if chance() < 0.2 else _STATUS_LINES)
        fields = self._fields(5)
        if chance() < 0.25:
            fields.append(self._random.choice(_ODD_FIELDS))
        dates = 0 if chance() < 0.05 else 2 if chance() < 0.2 else 1
        fields += [self._random.choice(_ODD_DATES if chance() < 0.2 else _DATES) for _ in range(dates)]
        self._random.shuffle(fields)
        made += self._header(status, fields, ends)
        if chance() < 0.1:
            made += b"<p>Hello.</p>"
        return self._damaged(made) if chance() < 0.15 else made

    def _fields(self, most: int) -> list[bytes]:
        return [self._random.choice(_FIELDS) for _ in range(self._random.randint(0, most))]

    def _header(self, status: bytes, fields: list[bytes], ends: tuple[bytes, ...]) -> bytes:
        lines = b"\n".join([status, *fields, b"", b""])
        return b"".join(part if part != b"\n" else self._random.choice(ends) for part in re.split(rb"(\n)", lines))

    def _damaged(self, answer: bytes) -> bytes:
        at = self._random.randrange(len(answer))
        byte = bytes([self._random.choice((*b"\r\n\t :\0", self._random.randrange(256)))])
        before, after = answer[:at], answer[at + 1 :]
        return self._random.choice((before, before + byte + answer[at:], before + byte + after, before + after))


def made_by_hand() -> list[bytes]:
    """Each odd part alone, in an answer that is otherwise good; and what the fuzzer has in store."""
    lines = [line.replace(b"\n", b"\r\n") for line in (*_FIELDS, *_ODD_FIELDS)]
    answers = [b"HTTP/1.1 200 OK\r\n" + line + b"\r\n" + _DATE + b"\r\n\r\n" for line in lines]
    answers += [status + b"\r\n" + _DATE + b"\r\n\r\n" for status in (*_STATUS_LINES, *_ODD_STATUS_LINES)]
    answers += [b"HTTP/1.1 200 OK\r\n" + date.replace(b"\n", b"\r\n") + b"\r\n\r\n" for date in (*_DATES, *_ODD_DATES)]
    answers.append(b"HTTP/1.1 100 Continue\r\nA: b\r\n\r\nHTTP/1.1 200 OK\r\n X: y\r\n" + _DATE + b"\r\n\r\n")
    return answers + [file.read_bytes() for file in sorted(_CORPUS.iterdir())]


# --- reading them -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Reading:
    """What a reader made of an answer: refused, or the Dates as UNIX times; None among them: not an HTTP date."""

    accepted: bool
    dates: tuple[int | None, ...]
    said: str

    @property
    def usable(self) -> bool:
        """Accepted, with a Date or several close together."""
        dates = [date for date in self.dates if date is not None]
        return self.accepted and 0 < len(dates) == len(self.dates) and max(dates) - min(dates) <= _MOST_SPREAD


def without_empty_lines(answer: bytes) -> bytes:
    begin = _EMPTY_LINES.match(answer)
    return answer[begin.end() :] if begin else answer


class OneAnswerServer:
    """Gives the answer of this number to a request for /NUMBER, and hangs up."""

    def __init__(self, answers: list[bytes]) -> None:
        self._answers = answers
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            client, _ = self._listener.accept()
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client:
            request = b""
            while b"\r\n\r\n" not in request and (more := client.recv(4096)):
                request += more
            try:
                client.sendall(self._answers[int(request.split()[1][1:])])
                client.shutdown(socket.SHUT_WR)
                while client.recv(4096):
                    pass
            except OSError:  # curl has hung up
                pass


_MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
_DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
_TIME = r"(?P<hour>\d\d):(?P<minute>\d\d):(?P<second>\d\d)"
_FORMS = (
    re.compile(rf"(?P<weekday>\w{{3}}), (?P<day>\d\d) (?P<month>\w{{3}}) (?P<year>\d{{4}}) {_TIME} GMT"),
    re.compile(rf"(?P<weekday>\w{{6,}}), (?P<day>\d\d)-(?P<month>\w{{3}})-(?P<year>\d\d) {_TIME} GMT"),
    re.compile(rf"(?P<weekday>\w{{3}}) (?P<month>\w{{3}}) (?P<day>[ \d]\d) {_TIME} (?P<year>\d{{4}})"),
)


def unix_time(text: str) -> int | None:
    """RFC 9110, 5.6.7, once more: written from the RFC, not from our parser. Years of two digits are of 1994."""
    for number, form in enumerate(_FORMS):
        if not (match := form.fullmatch(text)):
            continue
        part = match.groupdict()
        if part["month"] not in _MONTHS or int(part["second"]) > 60:
            return None
        year = int(part["year"]) + (1900 if number == 1 else 0)
        try:
            day = datetime(year, _MONTHS.index(part["month"]) + 1, int(part["day"]), tzinfo=timezone.utc)
            minute = day.replace(hour=int(part["hour"]), minute=int(part["minute"]))
        except ValueError:
            return None
        weekday = _DAYS[day.weekday()]
        if part["weekday"] != (weekday if number == 1 else weekday[:3]) or year < 1970:
            return None
        return int((minute + timedelta(seconds=int(part["second"]))).timestamp())
    return None


def read_by_curl(port: int, number: int) -> Reading:
    """The header as curl tells where it ends, and of its Dates the first as curl reads it.

    Not its header_json, of which version 7.88 leaves some out when others come twice.
    """
    url = f"http://127.0.0.1:{port}/{number}"
    command = (
        find_program("curl", "curl"), "-q", "-sSI", "--noproxy", "*", "--max-time", "20", "-o", "/dev/null", "-D", "-",
        "-w", f"{_AFTER_HEADERS}%header{{date}}", url,
    )  # fmt: skip
    ended = subprocess.run(command, capture_output=True, check=False)
    if ended.returncode != 0:
        return Reading(False, (), f"{ended.returncode}: {ended.stderr.decode(errors='replace').strip()}")
    headers, first = ended.stdout.decode("latin-1").split(_AFTER_HEADERS)
    last = re.split(r"^HTTP/", headers, flags=re.MULTILINE | re.IGNORECASE)[-1]
    texts = re.findall(r"^date:(.*\n(?:[ \t].*\n)*)", last, re.MULTILINE | re.IGNORECASE)
    dates = [" ".join(re.split(r"\s*\n\s*", text.strip())) for text in texts]
    if bool(first.strip()) > bool(dates):
        raise LabError(f"curl reads {first!r} from {headers!r}")
    dates[:1] = [first.strip()] if dates else []
    return Reading(True, tuple(map(unix_time, dates)), last[:300])


def read_by_us(answer: bytes) -> Reading:
    program = executable("read_answer", BIN.parent / "tests")
    ended = subprocess.run((program,), input=answer, capture_output=True, check=True)
    said = ended.stdout.decode(errors="replace").strip()
    if not said.startswith("date "):
        return Reading(False, (), said)
    earliest, spread = map(int, said.split()[1:])
    return Reading(True, (earliest, earliest + spread), said)


# --- the list of reasons ----------------------------------------------------------------------------------------------


def headers_of(answer: bytes) -> list[list[bytes]]:
    """The lines of each header, as far as there are lines; folded ones unfolded."""
    headers: list[list[bytes]] = [[]]
    for line in re.sub(rb"\r?\n[ \t]+", b" ", answer).split(b"\n"):
        if line in (b"", b"\r") and headers[-1]:
            headers.append([])
        elif line not in (b"", b"\r"):
            headers[-1].append(line.removesuffix(b"\r"))
    return [header for header in headers if header]


def _is_cut_short(answer: bytes) -> bool:
    return read_by_us(answer).said == "incomplete"


def _begins_otherwise(answer: bytes) -> bool:
    """Or a status that is none of three digits, the first not 0, and a blank before the reason."""
    return any(
        not re.fullmatch(rb"HTTP/1\.[01] (1(?!01)|[2-9])\d\d( [\t -~\x80-\xff]*)?", header[0])
        for header in headers_of(answer)[: _MOST_INTERIM + 1]
    )


def _has_a_name_that_is_none(answer: bytes) -> bool:
    """RFC 9110, 5.1: a token."""
    return any(
        not re.match(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+:", line)
        for header in headers_of(answer)
        for line in header[1:]
    )


def _has_a_control_character(answer: bytes) -> bool:
    return any(re.search(rb"[\x00-\x08\x0b-\x1f\x7f]", line) for header in headers_of(answer) for line in header)


def _folds_much(answer: bytes) -> bool:
    joined = re.sub(rb"\r?\n[ \t]+", b"\x00", answer)
    return any(b"\x00" in line and len(line) > _MOST_FOLDED for line in re.split(rb"\n", joined))


def _folds_the_status_line(answer: bytes) -> bool:
    return re.search(rb"^HTTP/.*\n[ \t]", answer, re.MULTILINE) is not None


def _has_an_odd_connection(answer: bytes) -> bool:
    """RFC 9110, 7.6.1: a list of tokens."""
    values = re.findall(rb"^connection:(.*(?:\n[ \t].*)*)", answer, re.MULTILINE | re.IGNORECASE)
    return any(not re.fullmatch(rb"\s*[\w-]+(\s*,\s*[\w-]+)*\s*", value) for value in values)


def _has_an_odd_length(answer: bytes) -> bool:
    """Lengths that differ, lists, what no machine can count, and encodings twice or beside a length: RFC 9112, 6."""
    for header in headers_of(answer):
        values = {b"content-length": [], b"transfer-encoding": []}
        for name, _, value in (line.partition(b":") for line in header):
            values.get(name.lower(), []).append(value.strip())
        lengths, encodings = values.values()
        if len(set(lengths)) > 1 or not all(re.fullmatch(rb"\d{1,18}", length) for length in lengths):
            return True
        if len(encodings) + bool(lengths) > 1:
            return True
    return False


def _is_long(answer: bytes) -> bool:
    return len(answer) > _MOST_HEADER


def _is_mostly_interim(answer: bytes) -> bool:
    return len(re.findall(rb"^HTTP/1\.[01] 1\d\d", answer, re.MULTILINE)) > _MOST_INTERIM


#: Why we may refuse what curl accepts.
REASONS = {
    "the header does not end, and then the connection does": _is_cut_short,
    "it does not begin with HTTP/1.0 or HTTP/1.1 and a status as the RFC has them": _begins_otherwise,
    "a field's name is not a token": _has_a_name_that_is_none,
    "a control character, or a carriage return that ends no line": _has_a_control_character,
    "a folded field of more than 4 KiB": _folds_much,
    "a folded status line": _folds_the_status_line,
    "a Connection that is no list of options": _has_an_odd_connection,
    "it contradicts itself on the length of the body that is not there": _has_an_odd_length,
    "more than 64 KiB": _is_long,
    "more than four 1xx answers": _is_mostly_interim,
}


class AnswersLikeCurl(unittest.TestCase):
    def test_generated_answers(self) -> None:
        generator = Generator(SEED)
        answers = made_by_hand() + [generator.answer() for _ in range(ANSWERS)]
        server = OneAnswerServer([without_empty_lines(answer) for answer in answers])
        by_curl = in_parallel(lambda number: read_by_curl(server.port, number), range(len(answers)), workers=4)
        by_us = in_parallel(read_by_us, answers, workers=4)

        outcomes: Counter[str] = Counter()
        for answer, curl, ours in zip(answers, by_curl, by_us, strict=True):
            with self.subTest(answer[:400]):
                outcomes[self._judge(answer, curl, ours)] += 1
        for outcome, count in sorted(outcomes.items()):
            print(f"{count:6} {outcome}")
        self.assertGreater(outcomes["read alike"], len(answers) // 4)
        for reason in REASONS:
            self.assertGreater(outcomes[reason], 0, f"no answer was refused for this reason: {reason}")

    def _judge(self, answer: bytes, curl: Reading, ours: Reading) -> str:
        both = f"\ncurl: {curl.said}\nsdwdate: {ours.said}"
        if ours.accepted:
            self.assertTrue(curl.accepted, f"we accept what curl refuses{both}")
            self.assertTrue(curl.usable, f"we see a usable Date, curl none{both}")
            self.assertEqual({min(curl.dates), max(curl.dates)}, set(ours.dates), f"we read another Date{both}")
            return "read alike"
        if not curl.accepted:
            return "refused by both"
        if not curl.usable:
            return "read by curl, without a Date that can be used"
        reasons = [name for name, applies in REASONS.items() if applies(answer)]
        self.assertTrue(reasons, f"we refuse what curl accepts, for no reason on the list{both}")
        return reasons[0]


def _take_option(name: str, default: int) -> int:
    if name not in sys.argv:
        return default
    at = sys.argv.index(name)
    value = int(sys.argv[at + 1])
    del sys.argv[at : at + 2]
    return value


if __name__ == "__main__":
    ANSWERS = _take_option("--answers", ANSWERS)
    SEED = _take_option("--seed", SEED)
    unittest.main()
