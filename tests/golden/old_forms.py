"""RDB written by hand, in the forms that no server in the field writes any more: what Redis 2.0 to 6.2 left behind.

Written from the formats' facts (persistence/rdb_format.h, ziplist.h, zipmap.h). make.py has redis-server load the
result, which proves them right.
"""

import struct


# ---- lengths and strings ----


def length(n):
    if n < 1 << 6:
        return bytes([n])
    if n < 1 << 14:
        return bytes([0x40 | n >> 8, n & 0xFF])
    if n < 1 << 32:
        return b"\x80" + struct.pack(">I", n)
    return b"\x81" + struct.pack(">Q", n)


def string(text):
    return length(len(text)) + text


def integer_string(n):
    for head, code, bits in ((0xC0, "<b", 7), (0xC1, "<h", 15), (0xC2, "<i", 31)):
        if -(1 << bits) <= n < 1 << bits:
            return bytes([head]) + struct.pack(code, n)
    return string(b"%d" % n)


def lzf_string(text):
    """Literal runs only: as valid as any other LZF data, if not as short."""
    packed = b"".join(bytes([len(piece) - 1]) + piece for piece in (text[i : i + 32] for i in range(0, len(text), 32)))
    return b"\xc3" + length(len(packed)) + length(len(text)) + packed


# ---- blobs ----


def canonical_integer(text):
    if len(text) > 20 or not text.lstrip(b"-").isdigit():
        return None
    n = int(text)
    return n if b"%d" % n == text and -(1 << 63) <= n < 1 << 63 else None


def ziplist_value(text, small_integers=True):
    """`small_integers`: with the encodings of 3 bytes, 1 byte and none, which Redis 2.6 brought."""
    n = canonical_integer(text)
    if n is None:
        if len(text) < 1 << 6:
            return bytes([len(text)]) + text
        if len(text) < 1 << 14:
            return bytes([0x40 | len(text) >> 8, len(text) & 0xFF]) + text
        return b"\x80" + struct.pack(">I", len(text)) + text
    if small_integers and 0 <= n <= 12:
        return bytes([0xF1 + n])
    if small_integers and -128 <= n < 128:
        return b"\xfe" + struct.pack("<b", n)
    if -(1 << 15) <= n < 1 << 15:
        return b"\xc0" + struct.pack("<h", n)
    if small_integers and -(1 << 23) <= n < 1 << 23:
        return b"\xf0" + struct.pack("<i", n)[:3]
    if -(1 << 31) <= n < 1 << 31:
        return b"\xd0" + struct.pack("<i", n)
    return b"\xe0" + struct.pack("<q", n)


def ziplist(elements, small_integers=True, wide_before=()):
    """`wide_before`: indexes of entries that take five bytes for the length before them, where one would do; Redis
    leaves such behind when an entry in front of them shrinks."""
    body, before, last = b"", 0, 10
    for i, element in enumerate(elements):
        wide = before >= 254 or i in wide_before
        entry = b"\xfe" + struct.pack("<I", before) if wide else bytes([before])
        entry += ziplist_value(element, small_integers)
        last = 10 + len(body)
        before = len(entry)
        body += entry
    return struct.pack("<IIH", 11 + len(body), last, min(len(elements), 65535)) + body + b"\xff"


def zipmap(pairs, unused=0):
    def wide(text):
        return bytes([len(text)]) if len(text) < 254 else b"\xfe" + struct.pack("<I", len(text))

    body = b"".join(
        wide(field) + field + wide(value) + bytes([unused]) + value + b"?" * unused for field, value in pairs
    )
    return bytes([min(len(pairs), 254)]) + body + b"\xff"


def intset(numbers):
    widest = max(abs(n) if n >= 0 else -n - 1 for n in numbers)
    width, code = (2, "h") if widest < 1 << 15 else (4, "i") if widest < 1 << 31 else (8, "q")
    return struct.pack("<II", width, len(numbers)) + b"".join(struct.pack("<" + code, n) for n in sorted(numbers))


def listpack(elements):
    def value(text):
        n = canonical_integer(text)
        if n is None:
            if len(text) < 64:
                return bytes([0x80 | len(text)]) + text
            if len(text) < 4096:
                return bytes([0xE0 | len(text) >> 8, len(text) & 0xFF]) + text
            return b"\xf0" + struct.pack("<I", len(text)) + text
        if 0 <= n < 128:
            return bytes([n])
        if -4096 <= n < 4096:
            return bytes([0xC0 | n >> 8 & 0x1F, n & 0xFF])
        for head, code, bits in ((0xF1, "<h", 15), (0xF3, "<i", 31), (0xF4, "<q", 63)):
            if head == 0xF3 and -(1 << 23) <= n < 1 << 23:
                return b"\xf2" + struct.pack("<i", n)[:3]
            if -(1 << bits) <= n < 1 << bits:
                return bytes([head]) + struct.pack(code, n)

    def back(n):
        size = 1 if n < 128 else next(b for b in (2, 3, 4, 5) if b == 5 or n < (1 << 7 * b) - 1)
        return bytes((n >> 7 * i & 0x7F) | (0x80 if i < size - 1 else 0) for i in reversed(range(size)))

    body = b"".join(v + back(len(v)) for v in map(value, elements))
    return struct.pack("<IH", 7 + len(body), min(len(elements), 65535)) + body + b"\xff"


# ---- values ----


def text_score(score):
    if score == float("inf"):
        return b"\xfe"
    if score == float("-inf"):
        return b"\xff"
    text = b"%.17g" % score
    return bytes([len(text)]) + text


def plain(elements):
    return length(len(elements)) + b"".join(string(e) for e in elements)


def plain_pairs(pairs):
    return length(len(pairs)) + b"".join(string(f) + string(v) for f, v in pairs)


def text_scores(pairs):
    return length(len(pairs)) + b"".join(string(m) + text_score(s) for m, s in pairs)


def binary_scores(pairs):
    return length(len(pairs)) + b"".join(string(m) + struct.pack("<d", s) for m, s in pairs)


def flat(pairs):
    return [text for pair in pairs for text in pair]


# ---- files ----


def crc64(data):
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x95AC9329AC4BC9B5 if crc & 1 else 0)
    return crc


def file(version, body):
    data = b"REDIS%04d" % version + body + b"\xff"
    return data + struct.pack("<Q", crc64(data)) if version >= 5 else data


def select(number):
    return b"\xfe" + length(number)


def entry(rdb_type, key, value, expire_s=None, expire_ms=None):
    expiry = b""
    if expire_s is not None:
        expiry = b"\xfd" + struct.pack("<i", expire_s)
    if expire_ms is not None:
        expiry = b"\xfc" + struct.pack("<q", expire_ms)
    return expiry + bytes([rdb_type]) + string(key) + value
