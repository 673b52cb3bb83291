import pytest

from lab.systems.jira.adf import is_document, to_adf, to_text


@pytest.mark.parametrize("text", ["one", "one\ntwo", "one\n\ntwo\nthree", "one\n\n\ntwo", "", "ümläut €"])
def test_text_survives_the_way_through_a_document(text: str) -> None:
    document = to_adf(text)
    assert is_document(document)
    assert to_text(document) == text


def test_marks_are_dropped_and_their_text_stays() -> None:
    bold = {"type": "text", "text": "very", "marks": [{"type": "strong"}]}
    item = {"type": "listItem", "content": [{"type": "paragraph", "content": [bold]}]}
    assert (
        to_text({"type": "doc", "version": 1, "content": [{"type": "bulletList", "content": [item]}]})
        == "very"
    )


@pytest.mark.parametrize("given", ["text", None, {"type": "paragraph"}, {"type": "doc"}])
def test_what_is_no_document_is_told_apart(given: object) -> None:
    assert not is_document(given)
