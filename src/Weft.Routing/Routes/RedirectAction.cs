using Weft.Routing.Requests;

namespace Weft.Routing.Routes;

/// <summary>Sends the client elsewhere (envoy RedirectAction). Empty parts are those of the request.</summary>
public sealed class RedirectAction : RouteAction
{
    /// <summary>301, 302, 303, 307 or 308. Default 301.</summary>
    public int Status { get; init; } = 301;

    /// <summary><c>http</c> or <c>https</c>; empty keeps the request's.</summary>
    public ReadOnlyMemory<byte> Scheme { get; init; }

    public ReadOnlyMemory<byte> Host { get; init; }

    /// <summary>Null keeps the request's, unless it is the default port of a scheme that <see cref="Scheme"/> replaces.</summary>
    public int? Port { get; init; }

    /// <summary>The whole new path (a query in it replaces the request's); empty keeps the request's, rewritten by <see cref="PathRewrite"/>.</summary>
    public ReadOnlyMemory<byte> Path { get; init; }

    public PathRewrite? PathRewrite { get; init; }

    public bool StripQuery { get; init; }

    /// <summary>Writes the Location value into <paramref name="into"/>; -1 when it does not fit.</summary>
    public int WriteLocation(in RequestHead head, Span<byte> into)
    {
        var writer = new LocationWriter(into);
        var scheme = Scheme.IsEmpty ? head.Scheme : Scheme.Span;
        SplitPort(head.Authority, out var host, out var port);
        writer.Add(scheme);
        writer.Add("://"u8);
        writer.Add(Host.IsEmpty ? host : Host.Span);
        AddPort(scheme, head.Scheme, port, ref writer);
        AddPath(head, ref writer);
        return writer.Length;
    }

    private void AddPort(ReadOnlySpan<byte> scheme, ReadOnlySpan<byte> oldScheme, ReadOnlySpan<byte> oldPort, ref LocationWriter writer)
    {
        if (Port is { } port)
        {
            if (port == (scheme.SequenceEqual("https"u8) ? 443 : 80)) return;
            Span<byte> digits = stackalloc byte[5];
            port.TryFormat(digits, out var length);
            writer.Add(":"u8);
            writer.Add(digits[..length]);
            return;
        }
        // The old scheme's default port means nothing to a new scheme.
        if (!Scheme.IsEmpty && oldPort.SequenceEqual(oldScheme.SequenceEqual("https"u8) ? "443"u8 : "80"u8)) return;
        if (oldPort.IsEmpty) return;
        writer.Add(":"u8);
        writer.Add(oldPort);
    }

    private void AddPath(in RequestHead head, ref LocationWriter writer)
    {
        var path = head.PathOnly;
        var query = StripQuery ? default : head.Path[path.Length..];
        if (!Path.IsEmpty)
        {
            writer.Add(Path.Span);
            if (Path.Span.Contains((byte)'?')) return;
        }
        else if (PathRewrite is not null)
        {
            writer.Add(PathRewrite.Replacement.Span);
            writer.Add(PathRewrite.Kept(path));
        }
        else
        {
            writer.Add(path);
        }
        writer.Add(query);
    }

    private static void SplitPort(ReadOnlySpan<byte> authority, out ReadOnlySpan<byte> host, out ReadOnlySpan<byte> port)
    {
        var colon = authority.LastIndexOf((byte)':');
        // The colons of an IPv6 literal are inside its brackets.
        if (colon < 0 || authority[colon..].Contains((byte)']'))
        {
            host = authority;
            port = default;
            return;
        }
        host = authority[..colon];
        port = authority[(colon + 1)..];
    }

    private ref struct LocationWriter(Span<byte> into)
    {
        private readonly Span<byte> _into = into;

        /// <summary>-1 once something did not fit.</summary>
        public int Length { get; private set; }

        public void Add(scoped ReadOnlySpan<byte> bytes)
        {
            if (Length < 0) return;
            if (!bytes.TryCopyTo(_into[Length..])) Length = -1;
            else Length += bytes.Length;
        }
    }
}
