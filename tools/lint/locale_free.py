#!/usr/bin/python3
"""Checks that nothing in src/ and apps/ depends on the locale, or converts numbers by functions that do.

Numbers are read by std::from_chars and written by fmt; characters are judged by base/text.h.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

FROM_CHARS = "read numbers by std::from_chars, which knows no locale and reports errors"
FMT = "write by fmt::format, which knows no locale"
TEXT = "use base/text.h, which knows ASCII only"
NONE = "no locale is ever set or asked for"

# Calls, qualified by std:: or not; never members such as x.time_put().
CALLS = {
    r"strto(?:d|f|ld|l|ul|ll|ull|imax|umax)|ato(?:i|l|ll|f)": FROM_CHARS,
    r"sto(?:i|l|ul|ll|ull|f|d|ld)": FROM_CHARS,
    r"v?f?scanf|v?sscanf": FROM_CHARS,
    r"strftime|wcsftime|strptime|asctime(?:_r)?|ctime(?:_r)?|put_time|get_time": FMT,
    r"v?f?printf|v?sn?printf|v?d?printf": FMT,
    r"setlocale|newlocale|uselocale|localeconv|nl_langinfo|imbue": NONE,
    r"is(?:alnum|alpha|blank|cntrl|digit|graph|lower|print|punct|space|upper|xdigit)|to(?:lower|upper)": TEXT,
    r"strcoll|strxfrm": "compare bytes",
}
FORBIDDEN = [(re.compile(rf"(?<![\w.>])(?:{names})\s*\("), why) for names, why in CALLS.items()]
FORBIDDEN += [
    (re.compile(r"\bstd::locale\b|#\s*include\s*<(?:c?locale|locale\.h)>"), NONE),
    (re.compile(r"#\s*include\s*<(?:cctype|ctype\.h|cwctype)>"), TEXT),
    (re.compile(r"(?<!\w)(?:std)?::(?:isdigit|isspace|isalpha|isalnum|isprint|tolower|toupper)\b(?!\s*\()"), TEXT),
]
# {:L}, {:>10L}, {0:Ld}: an L in a replacement field's format.
LOCALE_FORMAT = re.compile(r'\{[^{}:"]*:[^{}"]*L[a-zA-Z]?\}')
STRING = re.compile(r'"(?:\\.|[^"\\])*"')


def faults_of(path):
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        where = f"{path.relative_to(ROOT)}:{number}"
        if any(LOCALE_FORMAT.search(text) for text in STRING.findall(line)):
            yield f"{where}: a format with 'L' writes as the locale says; leave the L out"
        code = line if line.lstrip().startswith("#") else STRING.sub('""', line).split("//")[0]
        for pattern, why in FORBIDDEN:
            for match in pattern.finditer(code):
                yield f"{where}: {match[0].strip(' (')}: {why}"


def main():
    sources = (path for folder in ("src", "apps") for path in sorted((ROOT / folder).rglob("*")))
    faults = [fault for path in sources if path.suffix in {".cc", ".h", ".in"} for fault in faults_of(path)]
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
