"""Which things a detector is asked for, from the words of an instruction."""

from __future__ import annotations

import re

_WORD = re.compile(r"[^\W_]+(?:['-][^\W_]+)*")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Words between noun phrases.
_BETWEEN = _words("""
    a an the this that these those my your its it them they he she i you we us one's
    of on onto in into to from at by with without for off up down out over under above below behind beside between through across
    along around towards toward inside outside near next against away back forth about until till as
    and or then but so if such any all each every both some no not only also while before after
    is are was were be being been has have had do does did can could will would should must please
    where which who what when there here you'd see
    direction way turn order using straight tight other others remaining two three four five six seven eight nine ten
""")
# What one does with things. Instructions begin with such a word; those that do not stand here are known by that place.
_DOING = _words("""
    close shut open put place set lay leave drop pick grab grasp grip take lift raise hold move push pull drag slide stack insert wipe
    clean sweep scoop hit swing strike reach turn rotate press hang pour fill cover remove bring carry get keep use straighten tighten
    arrange prepare setup create build make play sit
    closing shutting opening putting placing setting leaving picking grabbing grasping gripping taking lifting moving pushing pulling
    dragging sliding stacking inserting wiping cleaning sweeping scooping swinging reaching turning pressing keeping sitting
    collides goes ready
""")
# Words that single a thing out and name none.
_WHICH = _words("""
    left right top bottom middle upper lower front rear center centre first second third last odd initial
    one end ends side sides part section position positions spot place corner edge
    red maroon green blue navy yellow cyan magenta silver gray grey lime olive purple teal azure violet rose black white orange brown
    pink colored coloured big small large little base
""")


def noun_phrases(instruction: str) -> tuple[str, ...]:
    """The things an instruction names.

    The instruction, in lower case and without punctuation, is cut at every word that cannot belong to the name of a thing: articles,
    prepositions, conjunctions, pronouns, auxiliary verbs, and the verbs of handling things. Its first word counts as a verb whatever it
    is. What is left between two cuts is a phrase. Phrases that only single something out ("left", "the red one") are dropped, and so is
    every phrase that came before. If nothing is left, the whole instruction is the one phrase.

    "put the ring on the red spoke" gives ``("ring", "red spoke")``.
    """
    words = _WORD.findall(instruction.lower())
    phrases: list[str] = []
    run: list[str] = []
    for i, word in enumerate([*words, "the"]):
        if word in _BETWEEN or word in _DOING or (i == 0 and len(words) > 1):
            phrase = " ".join(run)
            if any(part not in _WHICH for part in run) and phrase not in phrases:
                phrases.append(phrase)
            run = []
        else:
            run.append(word)
    whole = " ".join(words)
    return tuple(phrases) or ((whole,) if whole else ())
