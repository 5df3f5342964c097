"""Replies as HTML: what is drawn, what is left out, and that a growing text ends as the whole would."""

import re

import pytest

from modules.ui.chat.markdown import GrowingText, Renderer, render_plain

LONG = """# Title

A *word*, `code`, **bold** and ~~gone~~.
Next line.

1. one
2. two
   - inner

```python
def f():

    return 1
```

| a | b |
|---|:-:|
| 1 | x<br>y |

> quoted

$$
a_1 + b_1
$$

<details><summary>more</summary>

inside **bold**

</details>

The end.
"""


def html(text: str) -> str:
    return "".join(Renderer().render(text))


def test_common_marks() -> None:
    drawn = html(LONG)
    for part in (
        "<h1>Title</h1>",
        "<em>word</em>",
        "<code>code</code>",
        "<strong>bold</strong>",
        "<s>gone</s>",
        "<br",
        "<ol>",
        "<blockquote>",
        '<div class="table"><table>',
        'class="code"',
    ):
        assert part in drawn, part


@pytest.mark.parametrize("step", [1, 7, 50])
def test_a_growing_text_ends_as_the_whole(step: int) -> None:
    text = LONG * 3
    growing = GrowingText(Renderer())
    for end in range(step, len(text) + step, step):
        drawn = growing.render(text[:end])
    assert drawn == Renderer().render(text)


def test_settled_blocks_are_the_same_strings_each_time() -> None:
    growing = GrowingText(Renderer())
    before = growing.render("one\n\ntwo\n\nthree\n\nfour")
    after = growing.render("one\n\ntwo\n\nthree\n\nfour and more")
    assert before[0] is after[0]
    assert after[-1] == "<p>four and more</p>\n"


def test_line_ends_of_other_systems_change_nothing() -> None:
    growing = GrowingText(Renderer())
    text = LONG.replace("\n", "\r\n")
    for end in range(3, len(text) + 3, 3):
        drawn = growing.render(text[:end])
    assert drawn == Renderer().render(LONG)


def test_a_list_that_goes_on_after_an_empty_line_stays_one_list() -> None:
    growing = GrowingText(Renderer())
    text = "intro\n\n1. a\n\n2. b\n\n3. c"
    for end in range(1, len(text) + 1):
        drawn = growing.render(text[:end])
    assert "".join(drawn).count("<ol") == 1


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "<b onclick=alert(1)>x</b>",
        "[x](javascript:alert(1))",
        "![x](javascript:alert(1))",
        '<a href="javascript:alert(1)">x</a>',
        '<iframe src="https://example.org"></iframe>',
        "<svg><script>alert(1)</script></svg>",
        '<div style="position:fixed">x</div>',
        "<style>*{display:none}</style>",
        "<b\nonclick=alert(1)>x</b>",
        "<p>\n<script>\n\nalert(1)\n\n</script>",
        "`` ` ``<script>x</script>",
    ],
)
def test_nothing_runs_and_nothing_is_fetched(text: str) -> None:
    drawn = html(text)
    for tag in ("<script", "<img", "<iframe", "<svg", "<style", '<a href="javascript'):
        assert tag not in drawn
    assert "onclick=" not in drawn or "&lt;" in drawn
    assert "<b onclick" not in drawn


def test_pictures_from_elsewhere_are_links() -> None:
    drawn = html("![a cat](https://example.org/cat.png)")
    assert "<img" not in drawn
    assert 'href="https://example.org/cat.png"' in drawn
    assert "a cat" in drawn


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("![x](/gradio_api/file=/served/x.png)", '<img src="/gradio_api/file=/served/x.png"'),
        ("![x](data:image/png;base64,AAAA)", '<img src="data:image/png;base64,AAAA"'),
        (
            '<audio controls src="gradio_api/file=/served/a.wav"></audio>',
            '<audio controls src="gradio_api/file=/served/a.wav"></audio>',
        ),
        ('<span style="color: #ff0000">x</span>', '<span style="color: #ff0000">x</span>'),
        ("H<sub>2</sub>O", "H<sub>2</sub>O"),
        ("a & b < c", "a &amp; b &lt; c"),
    ],
)
def test_what_is_allowed(text: str, part: str) -> None:
    assert part in html(text)


@pytest.mark.parametrize(
    "text",
    [
        '<img src="https://example.org/x.png">',
        '<img src="//example.org/x.png">',
        '<audio src="https://example.org/x.mp3"></audio>',
        '<span style="background: url(https://example.org/x.png)">x</span>',
        '<img src="/gradio_api/file=/../../secret">',
        '<img src="data:text/html;base64,AAAA">',
    ],
)
def test_no_address_of_elsewhere_is_loaded(text: str) -> None:
    drawn = html(text)
    assert "<img" not in drawn
    assert "<audio" not in drawn
    assert "style=" not in drawn


def test_html_around_blocks_is_one_block() -> None:
    blocks = Renderer().render(
        "before\n\n<details><summary>s</summary>\n\nx\n\ny\n\n</details>\n\nafter"
    )
    assert len(blocks) == 3
    assert blocks[1].count("<details>") == blocks[1].count("</details>") == 1


@pytest.mark.parametrize(
    ("text", "formula", "kind"),
    [
        ("$a_1*b*c$", "a_1*b*c", "inline"),
        (r"\(x < y\)", "x &lt; y", "inline"),
        ("$$\nx^2\n$$", "x^2", "display"),
        ("\\[\nx_1\n\\]", "x_1", "display"),
        ("so $$x$$ is", "x", "display"),
        ("- item $x$", "x", "inline"),
    ],
)
def test_formulas_are_kept_as_they_are(text: str, formula: str, kind: str) -> None:
    drawn = html(text)
    assert f'data-kind="{kind}">{formula}<' in drawn
    assert "<em>" not in drawn


@pytest.mark.parametrize(
    "text",
    [
        "It costs $5 and $10.",
        "a $ b $ c",
        "`$x$`",
        "```\n$$x$$\n```",
        r"\$x\$",
        "$$",
        r"\[ open",
    ],
)
def test_no_formulas(text: str) -> None:
    assert "formula" not in html(text)


def test_code_is_coloured_and_can_be_copied() -> None:
    drawn = html("```python\nx = 'a<b'\n```")
    assert 'data-do="copy-code"' in drawn
    assert "<span>python</span>" in drawn
    assert "&lt;b" in drawn
    assert '<span class="n">x</span>' in drawn


def test_code_without_an_end_and_of_no_known_language() -> None:
    drawn = html("```nonsense<x>\n<script>")
    assert "&lt;script&gt;" in drawn
    assert "nonsense&lt;x&gt;" in drawn


def test_addresses_in_text_are_links_that_open_elsewhere() -> None:
    drawn = html("See https://example.org/a_b_c. Not `https://code.org`.")
    assert drawn.count("<a ") == 1
    assert 'href="https://example.org/a_b_c"' in drawn
    assert 'rel="noopener noreferrer nofollow"' in drawn


def test_what_a_person_typed_stays_as_it_was_typed() -> None:
    [text, code] = render_plain("# no *title*\n   indented <b>\n```js\nlet a = 1\n```")
    assert text == '<div class="plain"># no *title*\n   indented &lt;b&gt;</div>'
    assert 'class="code"' in code


def test_plain_text_without_anything() -> None:
    assert render_plain("") == []
    assert render_plain(" \n ") == []


def test_addresses_of_a_person_cannot_leave_their_place() -> None:
    [text] = render_plain('https://example.org/?q="onmouseover=alert(1)')
    assert 'href="https://example.org/?q="' in text
    assert "<a " in text
    assert text.count("onmouseover") == 1
    assert '"onmouseover' not in text.split("</a>")[0]


MANY = 20_000


@pytest.mark.parametrize(
    "text",
    [
        "<a" + " " * MANY,
        "<div" + " " * MANY + "x",
        '<div style="color:' + " " * MANY + 'x">',
        "<!--" * MANY,
        "\\[a\n" * MANY,
        "\\[a\n" * (MANY // 5) + "\\] b\n",
        "```a\n" * MANY,
        "~" * MANY,
        "~" * MANY + "`",
    ],
    ids=lambda text: repr(text[:12]),
)
def test_no_text_takes_longer_than_it_is_long(text: str) -> None:
    """Each of these took minutes when it was read by what looks back; now there is nothing to be seen in the time of this test."""
    assert Renderer().render(text)
    assert render_plain(text)


@pytest.mark.parametrize(
    ("text", "code", "language"),
    [
        ("a\n```py\nb\n\nc\n```\nd", "b\n\nc", "py"),
        ("~~~\n```\n~~~ \nd", "```", "text"),
        ("````\n```\n````", "```", "text"),
        ("```\n```", "", "text"),
        ("```  py more\nb\n```", "b", "py"),
    ],
)
def test_code_in_what_a_person_typed(text: str, code: str, language: str) -> None:
    drawn = "".join(render_plain(text))
    assert f"<span>{language}</span>" in drawn
    shown = re.sub(r"<[^>]*>", "", drawn.partition("<pre>")[2].partition("</pre>")[0])
    assert shown == code


@pytest.mark.parametrize(
    "text", ["```a`\nb\n```c", "```\nb", "``\nb\n``", " ```\nb\n ```", "~~~\na\n~~~~"]
)
def test_no_code_in_what_a_person_typed(text: str) -> None:
    assert 'class="code"' not in "".join(render_plain(text))


def test_a_picture_of_another_server_is_not_loaded_by_its_name_alone() -> None:
    assert "<img" not in html('<img src="//evil.example/gradio_api/file=x">')
    assert "<img" not in html("![a](//evil.example/gradio_api/file=x)")
    assert "<img" in html('<img src="/hearth/gradio_api/file=x"/>')
