"""Atlassian Document Format, as far as plain text goes: paragraphs and line breaks. v3 speaks it, v2 speaks text.

Source: developer.atlassian.com, "Atlassian Document Format"; node names from the recorded v3 answers.
"""

from typing import Any


def to_adf(text: str) -> dict[str, Any]:
    """A document whose paragraphs are the text's blocks between empty lines."""
    return {"type": "doc", "version": 1, "content": [_paragraph(block) for block in text.split("\n\n")]}


def _paragraph(block: str) -> dict[str, Any]:
    nodes: list[dict[str, Any]] = []
    for number, line in enumerate(block.split("\n")):
        if number:
            nodes.append({"type": "hardBreak"})
        if line:
            nodes.append({"type": "text", "text": line})
    return {"type": "paragraph", "content": nodes}


def to_text(document: dict[str, Any]) -> str:
    """The text of a document; marks and unknown nodes are dropped, their text stays."""
    return "\n\n".join(_inline(block) for block in document.get("content", []))


def _inline(node: dict[str, Any]) -> str:
    match node.get("type"):
        case "text":
            return str(node.get("text", ""))
        case "hardBreak":
            return "\n"
    return "".join(_inline(child) for child in node.get("content", []))


def is_document(value: Any) -> bool:
    return isinstance(value, dict) and value.get("type") == "doc" and isinstance(value.get("content"), list)
