using System.Text;
using Shouldly;
using Weft.LoadTest.Engine;
using Xunit;

namespace Weft.LoadTest.Tests;

public sealed class CommandLineTests
{
    private static CommandLine Parse(params string[] args) => CommandLine.Parse(args);

    private static string Bytes(params string[] args) => Encoding.Latin1.GetString(RequestBytes.Build(Parse(args).Options));

    [Fact]
    public void Every_option_reaches_the_run()
    {
        var command = Parse("--rate", "500", "--connections", "20", "--duration", "2m", "--warmup", "500ms", "--timeout", "3s",
            "--method", "PUT", "--header", "A: 1", "--header", "B:2", "--body", "text", "--proxy", "http://127.0.0.1:15001", "--json", "--max-failures", "7", "http://catalog/items");
        command.Json.ShouldBeTrue();
        command.MaxFailures.ShouldBe(7);
        var o = command.Options;
        (o.Rate, o.Connections, o.Duration, o.WarmUp, o.Timeout, o.Method).ShouldBe(
            (500, 20, TimeSpan.FromMinutes(2), TimeSpan.FromMilliseconds(500), TimeSpan.FromSeconds(3), "PUT"));
        o.Headers.ShouldBe([("A", "1"), ("B", "2")]);
        Encoding.UTF8.GetString(o.Body.Span).ShouldBe("text");
        o.Proxy.ShouldBe(new Uri("http://127.0.0.1:15001"));
        o.Target.ShouldBe(new Uri("http://catalog/items"));
    }

    [Theory]
    [InlineData("which URL", new string[0])]
    [InlineData("absolute http URL", new[] { "https://a/" })]
    [InlineData("not an absolute URL", new[] { "catalog" })]
    [InlineData("one URL", new[] { "http://a/", "http://b/" })]
    [InlineData("--rate needs a value", new[] { "http://a/", "--rate" })]
    [InlineData("--rate needs a number", new[] { "http://a/", "--rate", "fast" })]
    [InlineData("rate must be between", new[] { "http://a/", "--rate", "0" })]
    [InlineData("connections must be between", new[] { "http://a/", "--connections", "0" })]
    [InlineData("--duration needs a time", new[] { "http://a/", "--duration", "10" })]
    [InlineData("--header needs", new[] { "http://a/", "--header", "novalue" })]
    [InlineData("unknown option --retries", new[] { "http://a/", "--retries", "3" })]
    public void Mistake_is_named(string message, string[] args)
    {
        Should.Throw<ArgumentException>(() => Parse(args)).Message.ShouldContain(message);
    }

    [Fact]
    public void Request_names_its_host_and_path()
    {
        Bytes("http://catalog:81/items?a=b%20c").ShouldBe("GET /items?a=b%20c HTTP/1.1\r\nHost: catalog:81\r\n\r\n");
    }

    [Fact]
    public void Request_to_a_proxy_is_in_absolute_form()
    {
        Bytes("--proxy", "http://127.0.0.1:15001", "http://catalog/items").ShouldBe("GET http://catalog/items HTTP/1.1\r\nHost: catalog\r\n\r\n");
    }

    [Fact]
    public void Body_makes_a_post_with_its_length()
    {
        Bytes("--body", "grüße", "http://a/").ShouldStartWith("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 7\r\n\r\n");
    }

    [Fact]
    public void Given_host_replaces_the_one_of_the_url()
    {
        Bytes("--header", "host: other", "http://a/").ShouldBe("GET / HTTP/1.1\r\nhost: other\r\n\r\n");
    }
}
