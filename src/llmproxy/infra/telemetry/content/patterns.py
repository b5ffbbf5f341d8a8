"""What is taken out of texts by name. Each expression takes time that grows with the text alone.

That is: whatever words it is made of, since nothing unbounded is tried at each character of a word.

What looks like a number of its kind is checked by the kind's own rule where there is one, so that
other numbers stay.
"""

import re
from collections.abc import Callable, Mapping
from ipaddress import ip_address
from typing import Final, NamedTuple

Found = re.Match[str]
LETTERS: Final = 55
"""A is 10 in an IBAN (ISO 13616)."""
LUHN_DIGITS: Final = range(13, 20)


class Pattern(NamedTuple):
    """`spared` returns what of a match stays in front of it and behind it, None for all of it."""

    name: str
    expression: re.Pattern[str]
    spared: Callable[[str], tuple[str, str] | None] | None = None


def _is_luhn(text: str) -> bool:
    """ISO/IEC 7812-1, annex B."""
    digits = [int(each) for each in reversed(text) if each.isdigit()]
    if len(digits) not in LUHN_DIGITS or not any(digits):
        return False
    doubled = sum(sum(divmod(2 * each, 10)) for each in digits[1::2])
    return (sum(digits[::2]) + doubled) % 10 == 0


def _check_digit(values: list[int], weights: range) -> int:
    rest = sum(value * weight for value, weight in zip(values, weights, strict=True)) % 11
    return 0 if rest < 2 else 11 - rest


def _is_cpf(text: str) -> bool:
    """Both check digits hold (Receita Federal, modulo 11), and not all digits are one."""
    digits = [int(each) for each in text if each.isdigit()]
    if len(set(digits)) == 1:
        return False
    return digits[9] == _check_digit(digits[:9], range(10, 1, -1)) and digits[10] == _check_digit(
        digits[:10], range(11, 1, -1)
    )


def _is_cnpj(text: str) -> bool:
    """Both check digits hold, also of numbers with letters (IN RFB 2.229/2024: ASCII less 48)."""
    values = [ord(each) - 48 for each in text if each.isalnum()]
    if len(set(values)) == 1:
        return False
    for count in (12, 13):
        weights = [*range(count - 7, 1, -1), *range(9, 1, -1)]
        rest = sum(a * b for a, b in zip(values[:count], weights, strict=True)) % 11
        if values[count] != (0 if rest < 2 else 11 - rest):
            return False
    return True


def _is_ip(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _unless(holds: Callable[[str], bool]) -> Callable[[str], tuple[str, str] | None]:
    """Spare all of what does not hold."""
    return lambda text: None if holds(text) else (text, "")


def _around_iban(text: str) -> tuple[str, str] | None:
    """Spare the words in capitals that follow an IBAN; all of it when there is none in it."""
    end = len(text)
    while end >= 15:
        compact = text[:end].replace(" ", "")
        turned = compact[4:] + compact[:4]
        number = "".join(each if each.isdigit() else str(ord(each) - LETTERS) for each in turned)
        if int(number) % 97 == 1:
            return ("", text[end:])
        end = max(text.rfind(" ", 0, end), 0)
    return (text, "")


KEY: Final = Pattern(
    "key",
    re.compile(
        r"(?<![A-Za-z0-9])(?:sk-|ek_|gsk_|gh[pos]_|github_pat_|glpat-|AIza|AKIA|ASIA|xox[abp]-)"
        r"[A-Za-z0-9_-]{16,512}"
    ),
)
"""Keys of this gateway and of others, which nobody can switch off."""

BUILT_IN: Final[Mapping[str, Pattern]] = {
    each.name: each
    for each in (
        # Several in a row are one: behind `a@b.example` the `%20c@d.example` begins within a word.
        Pattern(
            "email",
            re.compile(r"(?<![\w.%+-])(?:[\w.%+-]++@[A-Za-z0-9-]++(?:\.[A-Za-z0-9-]++)++)++"),
        ),
        Pattern(
            "iban",
            re.compile(r"(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?: ?[A-Z0-9]){11,34}(?![A-Za-z0-9])"),
            _around_iban,
        ),
        Pattern(
            "cnpj",
            re.compile(
                r"(?<![A-Za-z0-9])[0-9A-Z]{2}\.?[0-9A-Z]{3}\.?[0-9A-Z]{3}/?[0-9A-Z]{4}-?\d{2}(?!\w)"
            ),
            _unless(_is_cnpj),
        ),
        Pattern(
            "credit_card",
            re.compile(r"(?<![\d])\d(?:[ -]?\d){12,18}(?!\d)"),
            _unless(_is_luhn),
        ),
        Pattern("cpf", re.compile(r"(?<!\d)\d{3}\.?\d{3}\.?\d{3}-?\d{2}(?!\d)"), _unless(_is_cpf)),
        Pattern(
            "ip",
            re.compile(
                r"(?<![\w.:])(?:(?:\d{1,3}\.){3}\d{1,3}|(?=[0-9A-Fa-f]*:[0-9A-Fa-f]*:)"
                r"[0-9A-Fa-f:]{2,39})(?![\w:])"
            ),
            _unless(_is_ip),
        ),
        Pattern(
            "phone",
            re.compile(
                r"(?<![\w.])(?:\+\d{8,15}(?!\d)"
                r"|(?:\+\d{1,3}[ .-]?)?(?:\(\d{2,4}\)[ .-]?|\d{2,4}[ .-])?\d{3,5}[ .-]\d{4}(?!\w))"
            ),
        ),
    )
}
"""In the order in which they are looked for: what could be two things is the first."""
