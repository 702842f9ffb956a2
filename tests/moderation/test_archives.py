"""Archives of other systems: what is read of them, and what is refused."""

import json

import pytest

from moderation.archives import ArchiveInvalid, format_of, plain, read

WXR = """<?xml version="1.0" encoding="UTF-8"?>
<rss version="2.0" xmlns:wp="http://wordpress.org/export/1.2/">
<channel><title>A blog</title><link>https://blog.example</link>
<item><title>On bees</title><link>https://blog.example/bees</link>
<wp:comment><wp:comment_id>7</wp:comment_id><wp:comment_author>Ann</wp:comment_author>
<wp:comment_author_email>ann@posteo.net</wp:comment_author_email><wp:comment_date_gmt>2024-05-01 10:00:00</wp:comment_date_gmt>
<wp:comment_content><![CDATA[<p>I keep <b>bees</b> &amp; love it</p>]]></wp:comment_content>
<wp:comment_approved>1</wp:comment_approved><wp:comment_parent>0</wp:comment_parent></wp:comment>
<wp:comment><wp:comment_id>8</wp:comment_id><wp:comment_author>Casino</wp:comment_author>
<wp:comment_content><![CDATA[Win <a href="https://win.example">here</a>]]></wp:comment_content>
<wp:comment_approved>spam</wp:comment_approved><wp:comment_parent>7</wp:comment_parent></wp:comment>
<wp:comment><wp:comment_id>9</wp:comment_id><wp:comment_content>waits</wp:comment_content>
<wp:comment_approved>0</wp:comment_approved></wp:comment>
<wp:comment><wp:comment_id>10</wp:comment_id><wp:comment_content>ping</wp:comment_content>
<wp:comment_approved>1</wp:comment_approved><wp:comment_type>pingback</wp:comment_type></wp:comment>
</item></channel></rss>"""

DISQUS = """<?xml version="1.0" encoding="utf-8"?>
<disqus xmlns="http://disqus.com" xmlns:dsq="http://disqus.com/disqus-internals">
<thread dsq:id="5"><link>https://blog.example/bees</link><title>On bees</title></thread>
<post dsq:id="1"><message><![CDATA[<p>Lovely.</p>]]></message><createdAt>2020-01-02T03:04:05Z</createdAt>
<isDeleted>false</isDeleted><isSpam>false</isSpam><author><name>Bo</name></author><thread dsq:id="5"/></post>
<post dsq:id="2"><message>Buy now</message><isDeleted>true</isDeleted><isSpam>true</isSpam><thread dsq:id="5"/>
<parent dsq:id="1"/></post>
<post dsq:id="3"><message>oh</message><isDeleted>true</isDeleted><isSpam>false</isSpam><thread dsq:id="5"/></post>
</disqus>"""


def past_of(tmp_path, text, name="file"):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return list(read(path, format_of(path)))


def test_wordpress_gives_comments_with_their_page_and_their_decision(tmp_path):
    ann, casino, waits, ping = past_of(tmp_path, WXR)
    assert (ann.external_id, ann.text, ann.decision) == ("wp-7", "I keep bees & love it", "approve")
    assert (ann.thread_url, ann.thread_title, ann.submitted_at) == (
        "https://blog.example/bees", "On bees", "2024-05-01T10:00:00Z",
    )  # fmt: skip
    assert (casino.decision, casino.reason, casino.parent_id) == ("reject", "spam", "wp-7")
    assert "https://win.example" in casino.text
    assert (waits.skip, ping.skip) == ("undecided", "pingback")


def test_disqus_gives_the_same(tmp_path):
    bo, spam, gone = past_of(tmp_path, DISQUS)
    assert (bo.external_id, bo.text, bo.thread_title, bo.decision) == ("dsq-1", "Lovely.", "On bees", "approve")
    assert (spam.decision, spam.reason, spam.parent_id, spam.skip) == ("reject", "spam", "dsq-1", "")
    assert gone.skip == "deleted"


def test_lines_are_read_one_by_one(tmp_path):
    lines = [{"id": "a", "text": "Fine words", "status": "approved"}, {"id": "b", "text": " ", "status": "spam"}]
    first, second = past_of(tmp_path, "\n".join(json.dumps(line) for line in lines))
    assert (first.external_id, first.decision) == ("a", "approve")
    assert second.skip == "empty"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("hello", None),
        ('{"id": 1}\n', "jsonl"),
        ("{", "jsonl"),
        (WXR[:300], "wordpress"),
        (WXR.replace("<rss", '<!DOCTYPE x [<!ENTITY a "b">]><rss', 1), "wordpress"),
    ],
)
def test_what_is_no_archive_is_refused_in_one_line(tmp_path, text, kind):
    path = tmp_path / "file"
    path.write_text(text)
    with pytest.raises(ArchiveInvalid) as refused:
        list(read(path, kind or format_of(path)))
    assert "\n" not in str(refused.value)


def test_html_becomes_words_and_addresses():
    assert plain('a<br>b <script>x</script><a href="https://c.example">d</a>') == "a\nb x https://c.example d"


def test_wordpress_may_hold_characters_that_xml_does_not_know_and_times_that_are_none(tmp_path):
    path = tmp_path / "odd.xml"
    path.write_bytes(
        b'<rss xmlns:wp="http://wordpress.org/export/1.2/"><channel><item><link>https://news.example/a</link><wp:comment>'
        b"<wp:comment_id>7</wp:comment_id><wp:comment_content><![CDATA[odd \x08\x0b here]]></wp:comment_content>"
        b"<wp:comment_date_gmt>0000-00-00 00:00:00</wp:comment_date_gmt><wp:comment_approved>1</wp:comment_approved>"
        b"</wp:comment></item></channel></rss>"
    )
    (past,) = read(path, "wordpress")
    assert (past.text, past.submitted_at, past.external_id) == ("odd  here", "", "wp-7")
