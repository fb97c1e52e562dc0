"""The table of spellings: other ways to write a path, each by a rule that takes the path below the context path and a source of chance."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from tests.support.paths import EDITS, ENDS, QUERIES, SEPARATORS

Spelling = Callable[[bytes, Random], bytes]
PREFIXES = (
    b"/static/x", b"/static/x/static/y", b"/static", b"/login/..", b"/login/%2e%2e", b"/static/x/..", b"/adjuncts/x/..", b"/tfaUserAuth/..",
    b"/tfaUserAuth/securityQuestionAuth/../..", b"/user/{own}/tfaConfiguration/../../..", b"/user/{own}/tfaConfiguration",
    b"/user/{own}/securityQuestionConfig", b"/plugin/miniorange-two-factor/..", b"/plugin/miniorange-two-factor", b"/me", b"/manage",
    b"/user/{own}", b"/user/{other}", b"/securityRealm/..", b"/images/%2e%2e", b"/./", b"//", b"/%2e",
    b"/favicon.ico/..", b"/login/..;", b"/logout/..", b"/mfa-login", b"/mfa-login/..", b"/mfa-login/verify/../..", b"/mfa-setup/..",
    b"/user/{own}/mfa-setup", b"/user/{own}/mfa-setup/../../..", b"/user/{other}/mfa-setup/..", b"/securityRealm", b"/assets/x/..",
)  # fmt: skip
ENDINGS = (
    *ENDS, b"/login", b"/tfaUserAuth/", b"/static/x.css", b"/x.js", b"/tfaConfiguration/",
    b"/securityQuestionConfig", b"?x=.css", b"?/static/", b"/mfa-login", b"/mfa-login/verify", b"/mfa-setup", b"?/mfa-login",
)  # fmt: skip


def _split(path: bytes) -> tuple[list[bytes], bytes]:
    """Segments, and what begins with a question mark."""
    before, mark, query = path.partition(b"?")
    return before.split(b"/")[1:] or [b""], mark + query


def _join(segments: list[bytes], query: bytes) -> bytes:
    return b"/" + b"/".join(segments) + query


def _ended(path: bytes, end: bytes) -> bytes:
    before, mark, query = path.partition(b"?")
    if b"?" in end:
        return before + end + (b"&" + query if query else b"")
    return before.rstrip(b"/") + end + mark + query


def _with(choices: tuple[bytes, ...], put: Callable[[bytes, bytes], bytes]) -> Spelling:
    return lambda path, chance: put(path, chance.choice(choices))


def _segment(edit: Callable[[bytes, int], bytes]) -> Spelling:
    """The edit at one place of one segment."""

    def spell(path: bytes, chance: Random) -> bytes:
        segments, query = _split(path)
        filled = [at for at, segment in enumerate(segments) if segment]
        if not filled:
            return path
        at = chance.choice(filled)
        segments[at] = edit(segments[at], chance.randrange(len(segments[at])))
        return _join(segments, query)

    return spell


def _separator(path: bytes, chance: Random) -> bytes:
    segments, query = _split(path)
    at = chance.randrange(len(segments))
    odd = chance.choice(SEPARATORS)
    before, after = segments[:at], segments[at:]
    return (b"/" + b"/".join(before) if before else b"") + odd + b"/".join(after) + query


def _case(path: bytes, chance: Random) -> bytes:
    return chance.choice([path.upper, path.swapcase, path.title])()


def _all_encoded(path: bytes, chance: Random) -> bytes:
    segments, query = _split(path)
    return _join([b"".join(b"%%%02x" % sign for sign in segment) for segment in segments], query)


PLAIN: Spelling = lambda path, chance: path  # noqa: E731 - one of many rules of the same kind
SPELLINGS: dict[str, Spelling] = {
    "trailing slash": lambda path, chance: _ended(path, b"/"),
    "double slash": lambda path, chance: path.replace(b"/", b"//"),
    "case": _case,
    "encoded letters": _all_encoded,
    "prefix": _with(PREFIXES, lambda path, prefix: prefix + path),
    "ending": _with(ENDINGS, _ended),
    "query": _with(QUERIES, _ended),
    "separator": _separator,
    **{f"edit {number}": _segment(edit) for number, edit in enumerate(EDITS)},
}


def spelled(path: bytes, chance: Random) -> tuple[str, bytes]:
    """One or two of the rules; their names, and what they make."""
    names = chance.choices(["prefix", "ending", "separator", *SPELLINGS], k=chance.choice([1, 1, 1, 2]))
    for name in names:
        path = SPELLINGS[name](path, chance)
    return " + ".join(names), path


def in_context(path: bytes, context: bytes, chance: Random) -> bytes:
    """Below the context path, which is sometimes written oddly, too."""
    odd = [b"/" + context, context + b"/", context + b"/.", context.replace(b"c", b"%63"), context + b"/x/.."]
    odd.append(b"http://elsewhere.invalid" + context)
    return (context if chance.random() < 0.95 else chance.choice(odd)) + path
