using System.Text;
using Weft.Proxy.Http1;
using Weft.Proxy.Mesh;
using Weft.Proxy.Pipelines;
using Weft.Routing.Requests;

namespace Weft.Fuzz.Targets;

/// <summary>
/// The form of a message between two proxies: whatever a value says, only the case of letters of names changes; and the input taken as names, one
/// per line, comes back from lower case as it was.
/// </summary>
public sealed class MessageFormTarget : IFuzzTarget
{
    public string Name => "message-form";

    public IReadOnlyList<byte[]> Seeds { get; } =
        ["1t"u8.ToArray(), "1t,DNT,sec-ch-ua"u8.ToArray(), "2"u8.ToArray(), "t;\"Not Today\""u8.ToArray(), "User-Agent\nDNT\nDnt\naccept"u8.ToArray()];

    public IReadOnlyList<byte[]> Dictionary { get; } =
        ["1"u8.ToArray(), "2"u8.ToArray(), "t"u8.ToArray(), ","u8.ToArray(), ";\""u8.ToArray(), "\""u8.ToArray(), "\n"u8.ToArray(), "-"u8.ToArray(), "DNT"u8.ToArray(), "Dnt"u8.ToArray(), "dnt"u8.ToArray(), "traceparent"u8.ToArray(), "X-Request-Id"u8.ToArray()];

    public string Check(byte[] input, Random random) => $"{AsValue(input)}, {AsNames(input)}";

    private static string AsValue(byte[] input)
    {
        if (!MessageForm.TryParse(input, out var form)) return "refused";
        var (buffer, fields) = Head([":path", "accept", "dnt", "sec-ch-ua", "dnt", "traceparent", "x-weft-form"]);
        var before = (byte[])buffer.Clone();
        form.Restore(buffer, fields.Span);
        if (!Ascii.EqualsIgnoreCase(before, buffer)) throw new FuzzException($"{Encoding.Latin1.GetString(before)} became {Encoding.Latin1.GetString(buffer)}");
        if (form.Reason.ContainsAny((byte)'\r', (byte)'\n', (byte)0)) throw new FuzzException("the reason would end a line");
        return $"read, version {form.Version}, title {form.IsTitle}, reason {form.HasReason}, changed {!before.AsSpan().SequenceEqual(buffer)}";
    }

    private static string AsNames(byte[] input)
    {
        var names = Encoding.Latin1.GetString(input).Split('\n');
        if (names.Any(name => !Octets.IsToken(Encoding.Latin1.GetBytes(name)) || name.StartsWith("x-weft-", StringComparison.OrdinalIgnoreCase))) return "no names";
        var (buffer, fields) = Head(names);
        var builder = new MessageFormBuilder();
        builder.Begin(HttpVersion.Http11);
        foreach (ref readonly var field in fields.Span) builder.Add(buffer, field);
        if (builder.Value.Length > MessageForm.MaxBytes) throw new FuzzException($"a value of {builder.Value.Length} bytes");
        if (!MessageForm.TryParse(builder.Value, out var form)) throw new FuzzException($"the reader refuses {Encoding.Latin1.GetString(builder.Value)}");
        var sent = (byte[])buffer.Clone();
        Ascii.ToLowerInPlace(sent, out _);
        form.Restore(sent, fields.Span);
        // Names that did not fit into the value are allowed to lose their case.
        if (builder.Value.Length < MessageForm.MaxBytes - 256 && !sent.AsSpan().SequenceEqual(buffer))
            throw new FuzzException($"{Encoding.Latin1.GetString(buffer)} came back as {Encoding.Latin1.GetString(sent)} by {Encoding.Latin1.GetString(builder.Value)}");
        return $"names, {Math.Min(builder.Value.Length, 8)}";
    }

    private static (byte[] Buffer, FieldList Fields) Head(string[] names)
    {
        var buffer = Encoding.Latin1.GetBytes(string.Concat(names));
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
