"""The web page: one self-contained HTML page that loads nothing from anywhere and runs nothing.

It opens from a folder, a mail or a stick, with or without a network, and prints on A4.
"""

import html
import re
from typing import Final

_TAGS: Final = frozenset(
    "a b blockquote br caption code col colgroup dd details div dl dt em figcaption figure h1 h2 h3 h4 h5 h6 hr i img "
    "kbd li mark ol p pre s section small span strong sub summary sup table tbody td tfoot th thead tr u ul".split()
)
_ATTRIBUTES: Final = frozenset("align alt border class colspan height id open rowspan scope style title width".split())
_CSS_PROPERTIES: Final = frozenset(
    "background-color border border-bottom border-collapse border-color border-left border-right border-top "
    "color display flex flex-wrap font-size font-style font-weight gap height line-height list-style margin "
    "margin-bottom margin-left margin-right margin-top max-width min-width opacity padding padding-bottom padding-left "
    "padding-right padding-top text-align text-decoration vertical-align white-space width".split()
)

_PAGE: Final = """<!DOCTYPE html>
<html lang="zh-CN">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
{style}</style>
</head>
<body>
<main>
{body}
</main>
</body>
</html>
"""

_STYLE: Final = """\
body { margin: 0; color: #1a1a1a; background: #fff; line-height: 1.7;
  font-family: "Noto Sans SC", "Microsoft YaHei", "PingFang SC", sans-serif; }
main { max-width: 60rem; margin: 0 auto; padding: 1.5rem; }
h1, h2, h3 { line-height: 1.3; }
h2 { margin-top: 2.2rem; border-bottom: 1px solid #d0d0d0; }
img { max-width: 100%; height: auto; }
pre { overflow-x: auto; font-size: .875rem; line-height: 1.5; white-space: pre-wrap; }
.input_area pre { background: #f5f5f5; padding: .6rem .8rem; }
.output_html, .output_area { overflow-x: auto; }
table { border-collapse: collapse; margin: .8rem 0; font-size: .9rem; font-variant-numeric: tabular-nums; }
th, td { border: 1px solid #c8c8c8; padding: .25rem .6rem; }
thead th { background: #f0f0f0; }
.output_stderr { color: #7a4a00; }
@page { size: A4; margin: 20mm 15mm; }
@media print {
  main { max-width: none; padding: 0; }
  h1, h2, h3 { break-after: avoid; }
  tr, img, figure { break-inside: avoid; }
  thead { display: table-header-group; }
  a { color: inherit; text-decoration: none; }
}
"""


def page(body: str, *, title: str) -> str:
    """Return `body`, any HTML fragment, as a page: held to harmless markup, with our style and nothing loaded.

    Scripts, style sheets, frames, forms, pictures that are not in the page itself and unknown attributes are dropped.

    Parameters
    ----------
    body
        The fragment; text in it is escaped already.
    title
        The page's title, plain text.
    """
    import bleach
    from bleach.css_sanitizer import CSSSanitizer

    # Tags alone would leave the text of a script or a style sheet standing in the page.
    body = re.sub(r"(?is)<(script|style)\b.*?</\1\s*>", "", body)
    body = bleach.clean(
        body,
        tags=_TAGS,
        attributes=_allowed,
        protocols=["http", "https", "mailto", "data"],
        css_sanitizer=CSSSanitizer(allowed_css_properties=_CSS_PROPERTIES),
        strip=True,
    )
    return _PAGE.format(title=html.escape(title), style=_STYLE, body=body.strip())


def _allowed(tag: str, name: str, value: str) -> bool:
    if name == "src":
        return tag == "img" and value.startswith("data:image/")
    if name == "href":
        return tag == "a" and not value.lower().lstrip().startswith("data:")
    return name in _ATTRIBUTES
