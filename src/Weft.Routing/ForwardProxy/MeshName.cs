using System.Collections.Immutable;
using System.Text;
using Weft.Routing.Listeners;
using Weft.Routing.Matching;

namespace Weft.Routing.ForwardProxy;

/// <summary>
/// Reduces the authority of a request to the key of a service, <c>service.namespace:port</c>, under which its routes are known.
/// </summary>
public static class MeshName
{
    /// <summary>No key is longer: two labels of 63, two separators, five digits.</summary>
    public const int MaxLength = 63 + 1 + 63 + 1 + 5;

    /// <summary>
    /// Writes the key in lower case. <c>svc</c>, <c>svc.ns</c>, <c>svc.ns.svc</c> and <c>svc.ns.svc.cluster.local</c> (the suffixes are settings), with or
    /// without a trailing dot.
    /// </summary>
    /// <param name="authority">As the client wrote it.</param>
    /// <param name="source">The listener's namespace and suffixes.</param>
    /// <param name="into">At least <see cref="MaxLength"/> bytes.</param>
    /// <param name="length">Bytes written.</param>
    /// <param name="defaultPort">The port when none is written.</param>
    /// <returns>False for what cannot be the name of a service: an IP address, <c>localhost</c>, a name of more labels, a bad port.</returns>
    public static bool TryWrite(ReadOnlySpan<byte> authority, RouteSource.ForwardProxy source, Span<byte> into, out int length, ushort defaultPort = 80) =>
        TryWrite(authority, source.DefaultNamespace, source.DomainSuffixes, into, out length, defaultPort);

    /// <inheritdoc cref="TryWrite(ReadOnlySpan{byte}, RouteSource.ForwardProxy, Span{byte}, out int, ushort)"/>
    /// <param name="defaultNamespace">Of a name with one label.</param>
    /// <param name="domainSuffixes">Longest first, lower case, without leading dot.</param>
    public static bool TryWrite(
        ReadOnlySpan<byte> authority, string defaultNamespace, ImmutableArray<string> domainSuffixes, Span<byte> into, out int length, ushort defaultPort = 80)
    {
        length = 0;
        if (!TrySplit(authority, defaultPort, out var host, out var port)) return false;
        if (!host.IsEmpty && host[^1] == '.') host = host[..^1];
        host = WithoutSuffix(host, domainSuffixes);

        var dot = host.IndexOf((byte)'.');
        var service = dot < 0 ? host : host[..dot];
        if (!IsLabel(service)) return false;
        var at = Lower(service, into);
        into[at++] = (byte)'.';
        if (dot < 0)
        {
            // "localhost" is this machine, whatever the mesh calls its services.
            if (Ascii.EqualsIgnoreCase(service, "localhost"u8)) return false;
            at += Encoding.ASCII.GetBytes(defaultNamespace, into[at..]);
        }
        else
        {
            var ns = host[(dot + 1)..];
            // A last label of digits alone is the end of an IPv4 address, not a name.
            if (!IsLabel(ns) || !ns.ContainsAnyExceptInRange((byte)'0', (byte)'9')) return false;
            at += Lower(ns, into[at..]);
        }
        into[at++] = (byte)':';
        port.TryFormat(into[at..], out var digits);
        length = at + digits;
        return true;
    }

    private static bool TrySplit(ReadOnlySpan<byte> authority, ushort defaultPort, out ReadOnlySpan<byte> host, out ushort port)
    {
        host = authority;
        port = defaultPort;
        var colon = authority.IndexOf((byte)':');
        if (colon < 0) return true;
        host = authority[..colon];
        // A second colon is an IPv6 address; it fails here because it is no digit.
        var digits = authority[(colon + 1)..];
        return digits.Length is > 0 and <= 5 && !digits.ContainsAnyExceptInRange((byte)'0', (byte)'9') && ushort.TryParse(digits, out port) && port > 0;
    }

    /// <summary>A suffix counts only behind <c>service.namespace</c>: <c>catalog.svc</c> is the service catalog of a namespace called svc.</summary>
    private static ReadOnlySpan<byte> WithoutSuffix(ReadOnlySpan<byte> host, ImmutableArray<string> domainSuffixes)
    {
        foreach (var suffix in domainSuffixes)
        {
            var rest = host.Length - suffix.Length - 1;
            if (rest > 0 && host[rest] == '.' && Ascii.EqualsIgnoreCase(host[(rest + 1)..], suffix) && host[..rest].Count((byte)'.') == 1)
                return host[..rest];
        }
        return host;
    }

    /// <summary>RFC 1123 section 2.1.</summary>
    private static bool IsLabel(ReadOnlySpan<byte> label)
    {
        if (label.Length is 0 or > 63 || label[0] == '-' || label[^1] == '-') return false;
        foreach (var b in label)
        {
            if (!char.IsAsciiLetterOrDigit((char)b) && b != '-') return false;
        }
        return true;
    }

    private static int Lower(ReadOnlySpan<byte> label, Span<byte> into)
    {
        for (var i = 0; i < label.Length; i++) into[i] = ByteComparer.Lower(label[i]);
        return label.Length;
    }
}
