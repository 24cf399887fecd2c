using System.Text;
using Shouldly;
using Weft.Proxy.Http1;
using Weft.Proxy.Mesh;
using Weft.Proxy.Pipelines;
using Weft.Routing.Requests;
using Xunit;

namespace Weft.Proxy.Tests.Mesh;

public sealed class MessageFormTests
{
    [Theory]
    [InlineData("1t", "User-Agent", "Accept", "Content-Type")] // curl, Go, Python
    [InlineData("1", "host", "user-agent", "accept")]
    [InlineData("1t,DNT,sec-ch-ua", "User-Agent", "DNT", "Accept", "sec-ch-ua")]
    [InlineData("1t,ETag", "ETag", "Content-Type")]
    [InlineData("1,X-Custom", "accept", "X-Custom")]
    [InlineData("1,ETag", "ETag", "1")] // 1 is as usual in either case
    public void Names_become_a_short_value(string value, params string[] names) => Build(names).ShouldBe(value);

    [Theory]
    [InlineData("Accept", "accept", "ACCEPT", "Accept")]
    [InlineData("x-a", "X-A", "x-a", "X-A")]
    [InlineData("X-Request-ID", "X-Forwarded-For", "Traceparent", "x-forwarded-proto")]
    [InlineData("Dnt", "DNT", "dnt", "Dnt")]
    [InlineData("-", "--", "A-", "-a", "-A", "1a", "1A", "a1-b", "X_Y", "x_y", "!#$%&'*+.^_`|~")]
    [InlineData("aCCEPT", "Accept-ENCODING", "accept-Encoding", "WWW-Authenticate", "TE-x")]
    public void Names_come_back_as_they_were(params string[] names) => RoundTrip(names).ShouldBe(names);

    [Fact]
    public void Random_names_come_back_as_they_were()
    {
        const string alphabet = "abABxX-1_";
        var random = new Random(7);
        for (var i = 0; i < 5_000; i++)
        {
            var names = Enumerable.Range(0, random.Next(1, 12))
                .Select(_ => string.Concat(Enumerable.Range(0, random.Next(1, 5)).Select(_ => alphabet[random.Next(alphabet.Length)]))).ToArray();

            RoundTrip(names).ShouldBe(names);
        }
    }

    [Fact]
    public void Fields_that_proxies_add_stay_in_lower_case()
    {
        string[] wire = [":path", "accept", "x-request-id", "traceparent", "x-forwarded-proto", "x-weft-source", "x-weft-form"];

        Restore("1t", wire).ShouldBe([":path", "Accept", "x-request-id", "traceparent", "x-forwarded-proto", "x-weft-source", "x-weft-form"]);
    }

    [Fact]
    public void A_spelling_without_its_field_changes_nothing_else() => Restore("1t,GONE,DNT", ["accept", "dnt"]).ShouldBe(["Accept", "Dnt"]);

    [Fact]
    public void Reason_goes_along_whatever_it_says()
    {
        foreach (var reason in new[] { "", "Not Today", "tab\there", "quote\" and ;,", " spaces around ", "caf\u00e9" })
        {
            var builder = new MessageFormBuilder();
            builder.Begin(null);
            builder.AddReason(Encoding.Latin1.GetBytes(reason));

            MessageForm.TryParse(builder.Value, out var form).ShouldBeTrue(reason);
            form.HasReason.ShouldBeTrue();
            Encoding.Latin1.GetString(form.Reason).ShouldBe(reason);
        }
    }

    [Fact]
    public void Version_is_told_or_not()
    {
        Version("1").ShouldBe(HttpVersion.Http11);
        Version("1t,DNT").ShouldBe(HttpVersion.Http11);
        Version("2").ShouldBe(HttpVersion.Http2);
        Version("t;\"x\"").ShouldBeNull();
        Version("").ShouldBeNull();

        static HttpVersion? Version(string value)
        {
            MessageForm.TryParse(Encoding.ASCII.GetBytes(value), out var form).ShouldBeTrue(value);
            return form.Version;
        }
    }

    [Theory]
    [InlineData("3")]
    [InlineData("1T")]
    [InlineData("tt")]
    [InlineData("11")]
    [InlineData("1t,")]
    [InlineData("1t,a b")]
    [InlineData("1t,a,,b")]
    [InlineData("1t,:path")]
    [InlineData("1,a\0")]
    [InlineData("DNT")]
    [InlineData("t;")]
    [InlineData("t;\"")]
    [InlineData("t;x")]
    [InlineData("t;\"a\nb\"")]
    [InlineData("t;\"a\"b")]
    [InlineData("1t, DNT")]
    public void What_does_not_follow_the_grammar_says_nothing(string value) => MessageForm.TryParse(Encoding.Latin1.GetBytes(value), out _).ShouldBeFalse();

    [Fact]
    public void What_does_not_fit_is_not_spelled_and_the_value_stays_readable()
    {
        var names = Enumerable.Range(0, 2_000).Select(i => $"X-ODD-{i}").ToArray();

        var value = Build(names);
        var restored = Restore(value, [.. names.Select(n => n.ToLowerInvariant())]);

        value.Length.ShouldBeInRange(MessageForm.MaxBytes - 20, MessageForm.MaxBytes);
        restored[0].ShouldBe("X-ODD-0");
        restored[^1].ShouldBe("x-odd-1999");
        MessageForm.TryParse(new byte[MessageForm.MaxBytes + 1], out _).ShouldBeFalse();
    }

    [Fact]
    public void Making_and_reading_a_form_allocates_nothing()
    {
        var (buffer, fields) = Head(["User-Agent", "DNT", "Accept", "sec-ch-ua", "ETag"]);
        var builder = new MessageFormBuilder();
        Once();
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 1_000; i++) Once();
        (GC.GetAllocatedBytesForCurrentThread() - before).ShouldBe(0);

        void Once()
        {
            builder.Begin(HttpVersion.Http11);
            foreach (ref readonly var field in fields.Span) builder.Add(buffer, field);
            if (MessageForm.TryParse(builder.Value, out var form)) form.Restore(buffer, fields.Span);
        }
    }

    private static string[] RoundTrip(string[] names) => Restore(Build(names), [.. names.Select(n => n.ToLowerInvariant())]);

    private static string Build(string[] names)
    {
        var (buffer, fields) = Head(names);
        var builder = new MessageFormBuilder();
        builder.Begin(HttpVersion.Http11);
        foreach (ref readonly var field in fields.Span) builder.Add(buffer, field);
        return Encoding.ASCII.GetString(builder.Value);
    }

    private static string[] Restore(string value, string[] wire)
    {
        var (buffer, fields) = Head(wire);
        MessageForm.TryParse(Encoding.ASCII.GetBytes(value), out var form).ShouldBeTrue(value);
        form.Restore(buffer, fields.Span);
        return [.. fields.Span.ToArray().Select(f => Encoding.ASCII.GetString(buffer.AsSpan(f.NameStart, f.NameLength)))];
    }

    private static (byte[] Buffer, FieldList Fields) Head(string[] names)
    {
        var buffer = Encoding.ASCII.GetBytes(string.Concat(names));
        var fields = new FieldList();
        var at = 0;
        foreach (var name in names)
        {
            fields.Add(new HeaderField(at, name.Length, 0, 0, KnownHeaders.Recognize(buffer.AsSpan(at, name.Length)), false));
            at += name.Length;
        }
        return (buffer, fields);
    }
}
