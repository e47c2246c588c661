"""What no text of papscope may claim, each with the reason, and a reader that finds it.

Takes   text as people see it
Gives   the sentences that claim too much
Never   changes a text, or knows which sentences somebody allows
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_WHOSE = r"(?:patients?|wom[ae]n|persons?|people|slides?|specimens?|smears?|examinations?)"
_VERDICT = (
    r"(?:NILM|LSIL|HSIL|SCC|ASC-US|ASC-H|AGC|normal|abnormal|negative|positive|benign|malignant|"
    r"healthy|clear|cancerous|free of)"
)
_DISEASE = r"(?:cancers?|disease|malignanc\w+|lesions?|HPV|dysplasia|carcinoma\w*)"


@dataclass(frozen=True, slots=True)
class Rule:
    """A claim that no text may make."""

    pattern: str
    """A regular expression, whatever the case of letters."""
    why: str
    denied: str = ""
    """What makes a sentence no claim, as it denies it."""

    def broken_by(self, sentence: str) -> bool:
        """Say whether a sentence makes the claim and does not deny it."""
        if re.search(self.pattern, sentence, re.IGNORECASE) is None:
            return False
        return not (self.denied and re.search(self.denied, sentence, re.IGNORECASE))


RULES = (
    Rule(
        r"\bdiagnos\w*",
        "labels are of single cells: they diagnose nobody",
        r"\b(?:no|not|never|nor)\b[^.]{0,99}\bdiagnos|\bdiagnose nobody\b",
    ),
    Rule(
        rf"\b{_WHOSE} (?:is|are|was|has|have|had|shows?|suffers? from)(?: an?| been)? "
        rf"(?:{_VERDICT}|{_DISEASE})\b",
        "no slide and no person has a grade from cells",
    ),
    Rule(
        rf"\b{_VERDICT} (?:{_WHOSE}|pap)\b",
        "no slide and no person has a grade from cells",
    ),
    Rule(
        rf"\b(?:rul(?:es?|ed|ing) out|exclud(?:es?|ed|ing)) (?:an? |any |the )?"
        rf"(?:\w+ )?(?:{_DISEASE}|HSIL)\b",
        "a model that sees a few cells excludes nothing",
        r"\b(?:cannot|not|never|nor|neither|no)\b[^.]{0,80}\b(?:rul\w+ out|exclud)",
    ),
    Rule(
        r"\bsafe to\b",
        "nobody has shown that any use on patients is safe",
        r"\bsafe to use from (?:several threads|all others)\b",
    ),
    Rule(
        r"\bclinical(?:ly)? (?:validat|prove|test|approv|use)\w*|\bvalidated clinically",
        "no clinical study stands behind it",
        r"\b(?:not|no|never)\b",
    ),
    Rule(
        r"\b(?:FDA|CE|MDR|IVDR|FDA's)[- ](?:approv|clear|mark|certif|register)\w*|"
        r"\bcertified\b|\bmedical[- ]grade\b|\bmedical devices?\b",
        "it is no medical device, and no authority has looked at it",
        r"\b(?:not|no|never|nobody)\b",
    ),
    Rule(
        rf"\b(?:detect|find|diagnose|recogni[sz]e|spot|predict)(?:s|ed|ing)? (?:an? |any |the )?"
        rf"(?:cervical |early )?{_DISEASE}",
        "it labels cells: a disease is found by tissue, people and time",
        r"\b(?:no|not|never|nor|neither|nothing|cannot)\b",
    ),
    Rule(rf"\b{_DISEASE}[- ]free\b|\ball[- ]clear\b", "nothing that it answers frees anybody"),
    Rule(
        rf"\b(?:100 ?%|hundred per ?cent) (?:accura|sensitiv|specific|sure\b|certain\b|reliab|safe|"
        rf"correct|right|of (?:all |the )?(?:{_DISEASE}|{_WHOSE}|cases))|"
        r"\b(?:accuracy|sensitivity|specificity|certainty) (?:of|is) (?:up to )?100 ?%|"
        r"\binfallibl\w*|\bnever (?:wrong|misses|errs)\b",
        "no measure of a model is certain",
    ),
    Rule(r"\bguarante\w*", "promises are kept on the average, and say on the average of what"),
    Rule(
        r"\bscreening (?:results?|tests?|outcomes?|programmes?)\b|"
        r"\b(?:test|result|outcome)s?(?: is| was| are|:) ?(?:negative|positive)\b",
        "it takes part in no screening: its answers are no results of one",
        r"\b(?:no|not|never)\b",
    ),
    Rule(
        r"\b(?:needs?|requires?|recommend\w*|should (?:have|get|undergo)|refer\w* for) (?:an? )?"
        r"(?:colposcop\w+|biops\w+|treatment|surgery|repeat smear)",
        "it gives no advice on anybody's care",
    ),
    Rule(
        r"\b(?:replac\w+|better than|outperform\w*|instead of|as good as) (?:an? |the |any |your )?"
        r"(?:experts?|pathologists?|cyto\w+|doctors?|physicians?|clinicians?)|"
        r"\b(?:expert|human|pathologist|clinician)[- ]level\b|\bsuperhuman\b",
        "it has not been compared with people, whose labels it learned from",
        r"\b(?:no|not|never|cannot)\b",
    ),
)
"""In no order; a sentence may break several."""

_ANY = re.compile("|".join(rule.pattern for rule in RULES), re.IGNORECASE)


_PARTS = re.compile(r"\n\s*\n|\n(?=\s*(?:[-*|>#]|\d+\.|(?:Takes|Gives|Never)\s)\s?)")


@dataclass(frozen=True, slots=True)
class Claim:
    """A sentence that claims too much."""

    sentence: str
    rule: Rule


def claims(text: str) -> Iterator[Claim]:
    """Find what a text claims and must not.

    >>> [one.sentence for one in claims("Not a diagnosis. The slide is HSIL!")]
    ['The slide is HSIL!']
    """
    if _ANY.search(" ".join(text.split())) is None:
        return
    for sentence in sentences(text):
        for rule in RULES:
            if rule.broken_by(sentence):
                yield Claim(sentence, rule)


def sentences(text: str) -> Iterator[str]:
    r"""Part running text into sentences, each in one line.

    A line break parts them only where it ends a paragraph, or where an item, a row of a table or
    one of the opening lines of a module comes next.

    >>> list(sentences("One\ntwo. Three;\n- four\n\nfive"))
    ['One two.', 'Three;', '- four', 'five']
    """
    for block in _PARTS.split(text):
        for one in re.split(r"(?<=[.!?;])[\"')*]*\s+", " ".join(block.split())):
            if one:
                yield one
