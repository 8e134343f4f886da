"""Text of others -> text that is safe to show: nothing in it can move a cursor, hide itself or turn a line around."""


def visible(text: str, keep: str = "") -> str:
    r"""The text with every character that does not print shown as Python writes it: ``\x1b``, ``\u202e``, ``\n``.

    Those are control characters, terminal escapes, what changes the direction of text, what takes no room, lone
    surrogates, and every space but the plain one. `keep` names characters to let through as they are.
    """
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() or one in keep else repr(one)[1:-1] for one in text)
