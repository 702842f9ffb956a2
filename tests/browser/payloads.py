"""Markup, scripts, templates and odd characters that a comment's fields may hold. None may ever run or break a page."""

RUN = "window.ran=1"

PAYLOADS = (
    f"<script>{RUN}</script>",
    f"<ScRiPt>{RUN}</sCrIpT>",
    f"<script src=data:text/javascript,{RUN}></script>",
    f"<img src=x onerror={RUN}>",
    f"<img src=x onerror='{RUN}'//",
    f"<IMG SRC=javascript:{RUN}>",
    f"<svg onload={RUN}>",
    f"<svg/onload={RUN}//",
    f"<svg><script>{RUN}</script></svg>",
    f"<svg><animate onbegin={RUN} attributeName=x dur=1s>",
    f"<body onload={RUN}>",
    f"<iframe src=javascript:{RUN}></iframe>",
    "<iframe srcdoc='<script>parent.ran=1</script>'></iframe>",
    f"<object data=javascript:{RUN}></object>",
    f"<embed src=javascript:{RUN}>",
    f"<a href=javascript:{RUN} autofocus onfocus={RUN}>here</a>",
    f"<a href='java&#x09;script:{RUN}'>here</a>",
    f"<form action=javascript:{RUN}><input type=submit></form>",
    f"<input autofocus onfocus={RUN}>",
    f"<select autofocus onfocus={RUN}></select>",
    f"<textarea autofocus onfocus={RUN}></textarea>",
    f"<details open ontoggle={RUN}>x</details>",
    f"<video><source onerror={RUN}></video>",
    f"<audio src=x onerror={RUN}></audio>",
    f"<marquee onstart={RUN}>x</marquee>",
    f"<math><mtext></form><form><mglyph><style></math><img src onerror={RUN}>",
    f"<noscript><p title='</noscript><img src=x onerror={RUN}>'>",
    f"<template><script>{RUN}</script></template>",
    f"</textarea><script>{RUN}</script>",
    f"</title><script>{RUN}</script>",
    f"</style><script>{RUN}</script>",
    f"--><script>{RUN}</script><!--",
    f"]]><script>{RUN}</script>",
    f'"><script>{RUN}</script>',
    f"'><script>{RUN}</script>",
    f'" onmouseover="{RUN}" x="',
    f"' autofocus onfocus='{RUN}' x='",
    f"`onload={RUN}`",
    f"javascript:{RUN}",
    f"JaVaScRiPt:{RUN}//%0a",
    f"data:text/html,<script>{RUN}</script>",
    f"vbscript:{RUN}",
    f"{{{{constructor.constructor('{RUN}')()}}}}",
    f"${{{RUN}}}",
    f"<%= {RUN} %>",
    f"#{{{RUN}}}",
    f"[x](javascript:{RUN})",
    f'![x](x" onerror="{RUN})',
    f"<style>@import 'javascript:{RUN}';*{{display:none!important}}</style>",
    "<style>body{display:none}</style>",
    "<link rel=stylesheet href=data:text/css,body{display:none}>",
    "<meta http-equiv=refresh content='0;url=https://evil.example/'>",
    "<base href=https://evil.example/>",
    "<div style='position:fixed;inset:0;background:red;z-index:99999'>covered</div>",
    "<h1>big</h1>" * 6,
    "<table><tr><td>" * 10,
    "</div></main></body></html>",
    "<!DOCTYPE html><plaintext>",
    "<xmp><listing>",
    "&lt;script&gt;window.ran=1&lt;/script&gt;",
    "&#60;script&#62;window.ran=1&#60;/script&#62;",
    "\\u003cscript\\u003ewindow.ran=1\\u003c/script\\u003e",
    "%3Cscript%3Ewindow.ran=1%3C/script%3E",
    "\u202e>tpircs/<1=nar.wodniw>tpircs<\u202c reversed",
    "\u2066\u2067\u2068 isolates that are never closed \u202a\u202b",
    "a\u200bb\u200cc\u200dd\u2060e\ufefff\u00adg hidden",
    "Z\u0335\u0321\u0322a\u0334\u0340\u0341l\u0336\u0361g\u0337\u0489o\u0338 " + "e" + "\u0301" * 60,
    "W" * 90,
    "\U000e0041\U000e0042\U000e0043 tags nobody sees",
    "\ufdfd" * 8,
    '=HYPERLINK("https://evil.example")',
    "'; DROP TABLE comments; --",
    "__proto__",
    "constructor",
)

_ELEMENTS = (
    "img src=x",
    "svg",
    "body",
    "video src=x",
    "audio src=x",
    "input autofocus",
    "details open",
    "iframe",
    "marquee",
    "a href=#",
    "style",
    "dialog open",
    "object data=x",
    "textarea autofocus",
)
_HANDLERS = (
    "onerror", "onload", "onfocus", "ontoggle", "onstart", "onanimationstart", "onpointerenter", "onmouseover", "onclick",
    "onkeydown", "onbeforeinput", "onloadstart", "ontransitionend",
)  # fmt: skip
_AROUND = ("", '">', "'>", "</textarea>", "--></title>", "</script>")


def many() -> list[str]:
    """Give hundreds: those above, and elements with handlers, behind what may close the place where they stand."""
    made = [
        f"{_AROUND[(row + column) % len(_AROUND)]}<{element} {handler}={RUN}>"
        for row, element in enumerate(_ELEMENTS)
        for column, handler in enumerate(_HANDLERS)
    ]
    wrapped = [f"{around}<script>{RUN}</script>{payload}" for around in _AROUND[1:] for payload in PAYLOADS[::4]]
    return list(dict.fromkeys([*PAYLOADS, *made, *wrapped]))
