"""Clients of Akismet and Perspective in Python, Perl and Ruby, unmodified, under the vendors' own names.

They have no setting for the address: the look-up of names is led to us, as a name server would lead it. TLS ends before
the service with a certificate that `SSL_CERT_FILE` makes them trust.
"""

import os
import shutil
import socket
import subprocess

import perspective
import pykismet3
import pytest

from tests.service import ABUSE, SPAM

BLOG = "https://blog.example/"


@pytest.fixture
def names(service, tls, authority, monkeypatch):
    """Lead the vendors' names to the service for this test."""
    ports = {80: int(service.url.rpartition(":")[2]), 443: tls}
    asked = socket.getaddrinfo

    def led(host, port, *rest, **more):
        theirs = isinstance(host, str) and host.endswith((".akismet.com", ".googleapis.com"))
        return asked("127.0.0.1", ports[port], *rest, **more) if theirs else asked(host, port, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", led)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority / "root.pem"))
    monkeypatch.setenv("NO_PROXY", "*")


def a_check(text, name="Gus"):
    return {
        "user_ip": "198.51.100.40", "user_agent": "Mozilla/5.0", "referrer": BLOG, "comment_author": name, "comment_content": text,
    }  # fmt: skip


def test_pykismet3_checks_and_corrects(names, key):
    client = pykismet3.Akismet(key, BLOG, "Blog/1.0")
    assert client.check(a_check("A friendly word about the evening boats")) is False
    assert client.check(a_check(SPAM, "Best casino")) is True
    assert client.submit_spam(a_check("From pykismet3")) is None
    assert client.submit_ham(a_check("From pykismet3")) is None


def test_pykismet3_raises_on_a_refusal(names):
    with pytest.raises(pykismet3.AkismetServerError, match="invalid"):
        pykismet3.Akismet("ffffffffffff", BLOG, "Blog/1.0").check(a_check("Hello"))


def test_the_perspective_package_scores_and_suggests(names, key):
    client = perspective.PerspectiveAPI(key)
    assert client.score(ABUSE)["TOXICITY"] > 0.5
    assert set(client.score("Thank you", tests=["INSULT", "THREAT"])) == {"INSULT", "THREAT"}
    spans = client.analyze_comment(
        "Hello there. You are kind.", span_annotations=True, languages=["en"], client_token="t"
    )
    assert len(spans["attributeScores"]["TOXICITY"]["spanScores"]) == 2
    assert spans["clientToken"] == "t"
    suggested = client.suggest_score(ABUSE, {"TOXICITY": {"summaryScore": {"value": 1.0}}}, client_token="s")
    assert suggested == {"clientToken": "s"}


PERL = r"""
BEGIN { require Socket; my $asked = \&Socket::getaddrinfo; no warnings 'redefine';
  *Socket::getaddrinfo = sub { my ($host, $port, @rest) = @_;
    $host =~ /akismet\.com$/ ? $asked->('127.0.0.1', $ENV{PLAIN_PORT}, @rest) : $asked->($host, $port, @rest) }; }
use Net::Akismet;
my ($key, $spam) = @ARGV;
my @known = (USER_IP => '198.51.100.41', COMMENT_USER_AGENT => 'Mozilla/5.0', REFERRER => 'https://blog.example/', COMMENT_AUTHOR => 'Hub');
my $client = Net::Akismet->new(KEY => $key, URL => 'https://blog.example/') or die "refused\n";
print join ' ', $client->check(@known, COMMENT_CONTENT => 'A quiet word about the harbour'), $client->check(@known, COMMENT_CONTENT => $spam),
  $client->spam(@known, COMMENT_CONTENT => 'From Perl') ? 'taken' : 'lost', $client->ham(@known, COMMENT_CONTENT => 'From Perl') ? 'taken' : 'lost';
"""

RUBY = r"""
require 'socket'
module Led
  def tcp(host, port, *rest, **more, &block)
    host =~ /akismet\.com$/ ? super('127.0.0.1', ENV['TLS_PORT'].to_i, *rest, **more, &block) : super
  end
  def open(host, port, *rest)
    host =~ /akismet\.com$/ ? super('127.0.0.1', ENV['TLS_PORT'].to_i, *rest) : super
  end
end
Socket.singleton_class.prepend(Led)
TCPSocket.singleton_class.prepend(Led)
require 'akismet'
key, spam = ARGV
client = Akismet::Client.new(key, 'https://blog.example/', app_name: 'Blog', app_version: '1.0')
about = { referrer: 'https://blog.example/', author: 'Ivo', type: 'comment', languages: %w[en] }
begin
  puts client.verify_key
  p client.check('198.51.100.42', 'Mozilla/5.0', about.merge(text: 'A short word about the tunnel'))
  p client.check('198.51.100.42', 'Mozilla/5.0', about.merge(text: spam, author: 'Best casino'))
  client.spam('198.51.100.42', 'Mozilla/5.0', about.merge(text: 'From Ruby'))
  client.ham('198.51.100.42', 'Mozilla/5.0', about.merge(text: 'From Ruby'))
  puts 'taken'
rescue Akismet::Error => error
  puts error.message
end
"""


def has(*command):
    return shutil.which(command[0]) is not None and subprocess.run(command, capture_output=True).returncode == 0


@pytest.fixture
def told(service, tls, authority):
    """Run a program under the vendors' names and give what it said, on either stream."""

    def run(*command):
        environ = {"PATH": os.environ["PATH"], "SSL_CERT_FILE": str(authority / "root.pem"), "LANG": "C.UTF-8"}
        environ |= {"PLAIN_PORT": service.url.rpartition(":")[2], "TLS_PORT": str(tls)}
        done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=False)
        return (done.stdout + done.stderr).strip()

    return run


@pytest.mark.skipif(not has("perl", "-MNet::Akismet", "-e", "1"), reason="perl and its Net::Akismet are not installed")
def test_net_akismet_checks_and_corrects(told, key):
    assert told("perl", "-e", PERL, key, SPAM) == "false true taken taken"
    assert told("perl", "-e", PERL, "ffffffffffff", SPAM) == "refused"


@pytest.mark.skipif(not has("ruby", "-rakismet", "-e", "1"), reason="ruby and its akismet are not installed")
def test_the_ruby_client_checks_and_corrects(told, key):
    assert told("ruby", "-e", RUBY, key, SPAM).split("\n") == ["true", "[false, false]", "[true, true]", "taken"]
    assert told("ruby", "-e", RUBY, "ffffffffffff", SPAM).split("\n")[:2] == [
        "false", 'the key is missing, wrong or revoked (field "api_key" or "key", or the name of the host)',
    ]  # fmt: skip
