#!/usr/bin/env python3
"""The frozen prime search a second time, for the answers that the tests of `prime.rs` pin.

It shares no code with the library and has no sieve. Prints, for each seed, the SHA-256 of the first prime and of the
modulus of the key.
"""
import hashlib, hmac, math


class SeededStream:
    """HMAC_DRBG with SHA-512 (SP 800-90A, 10.1.2); entropy, nonce and personalization each behind their length."""

    def __init__(self, *parts):
        self.key, self.v = bytes(64), b"\x01" * 64
        self.update(b"".join(len(part).to_bytes(4, "big") + part for part in parts))

    def mac(self, data):
        return hmac.new(self.key, data, hashlib.sha512).digest()

    def update(self, data=b""):
        for separator in (b"\0", b"\1") if data else (b"\0",):
            self.key = self.mac(self.v + separator + data)
            self.v = self.mac(self.v)

    def fill(self, size):
        out = b""
        while len(out) < size:
            self.v = self.mac(self.v)
            out += self.v
        self.update()
        return int.from_bytes(out[:size], "big")


def passes(number, base):
    return pow(base, number // 2, number) in (1, number - 1)


def draw_base(stream, size, number):
    while True:
        base = stream.fill(size)
        if 1 < base < number - 1:
            return base


def passes_random_bases(stream, size, number):
    rounds = {128: 5, 192: 4, 256: 4}[size]
    for start in range(0, rounds, 2):
        bases = [draw_base(stream, size, number) for _ in range(min(2, rounds - start))]
        if not all(passes(number, base) for base in bases):
            return False
    return True


def prime(stream, size, exponent, other=None):
    first_base = int.from_bytes(b"\x55" + b"\x6b" * (size - 1), "big")
    while True:
        start = stream.fill(size) | 3 << (8 * size - 2) | 3
        for number in range(start, min(start + 4 * 4096, 1 << (8 * size)), 4):
            if math.gcd(number - 1, exponent) != 1:
                continue
            if other is not None and abs(number - other) < 1 << (8 * size - 100):
                continue
            if passes(number, first_base) and passes_random_bases(stream, size, number):
                return number


def main():
    for bits, exponent, context in [(2048, 65537, b"a"), (2048, 65537, b"b"), (2048, 3, b"c"), (3072, 65537, b"d"),
                                    (4096, 65537, b"e")]:
        stream = SeededStream(b"seed", b"RSA", context)
        size = bits // 16
        p = prime(stream, size, exponent)
        q = prime(stream, size, exponent, p)
        digests = [hashlib.sha256(number.to_bytes(length, "big")).hexdigest()
                   for number, length in ((p, size), (p * q, 2 * size))]
        print(bits, exponent, context.decode(), *digests)


if __name__ == "__main__":
    main()
