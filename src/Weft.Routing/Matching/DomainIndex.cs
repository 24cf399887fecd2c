using System.Text;
using Weft.Routing.Routes;

namespace Weft.Routing.Matching;

/// <summary>
/// Finds the virtual host of an authority in Envoy's order: exact, then <c>*suffix</c> (longest first), then <c>prefix*</c> (longest first), then
/// <c>*</c>. Authorities compare without case and with their port, unless the table says to ignore ports.
/// </summary>
internal sealed class DomainIndex
{
    private const int MaxHostLength = 512;

    private readonly Dictionary<byte[], VirtualHost>.AlternateLookup<ReadOnlySpan<byte>> _exact;
    private readonly (byte[] Text, VirtualHost Host)[] _suffixes;
    private readonly (byte[] Text, VirtualHost Host)[] _prefixes;
    private readonly VirtualHost? _any;
    private readonly bool _ignorePort;

    public DomainIndex(IEnumerable<VirtualHost> hosts, bool ignorePort)
    {
        _ignorePort = ignorePort;
        var exact = new Dictionary<byte[], VirtualHost>(ByteComparer.Instance);
        var suffixes = new List<(byte[] Text, VirtualHost Host)>();
        var prefixes = new List<(byte[] Text, VirtualHost Host)>();
        foreach (var host in hosts)
        {
            foreach (var domain in host.Domains)
            {
                var text = Encoding.UTF8.GetBytes(domain.ToLowerInvariant());
                if (domain == "*") _any ??= host;
                else if (text[0] == '*') suffixes.Add((text[1..], host));
                else if (text[^1] == '*') prefixes.Add((text[..^1], host));
                else exact.TryAdd(text, host);
            }
        }
        _exact = exact.GetAlternateLookup<ReadOnlySpan<byte>>();
        _suffixes = [.. suffixes.OrderByDescending(s => s.Text.Length)];
        _prefixes = [.. prefixes.OrderByDescending(s => s.Text.Length)];
    }

    public VirtualHost? Find(ReadOnlySpan<byte> authority)
    {
        if (_any is not null && _suffixes.Length == 0 && _prefixes.Length == 0 && _exact.Dictionary.Count == 0) return _any;
        if (_ignorePort) authority = WithoutPort(authority);
        if (authority.Length > MaxHostLength) return _any; // longer than any DNS name and port
        Span<byte> host = stackalloc byte[authority.Length];
        for (var i = 0; i < authority.Length; i++) host[i] = ByteComparer.Lower(authority[i]);

        if (_exact.TryGetValue(host, out var found)) return found;
        foreach (var (text, candidate) in _suffixes)
        {
            // The star stands for at least one byte.
            if (host.Length > text.Length && host.EndsWith(text)) return candidate;
        }
        foreach (var (text, candidate) in _prefixes)
        {
            if (host.Length > text.Length && host.StartsWith(text)) return candidate;
        }
        return _any;
    }

    private static ReadOnlySpan<byte> WithoutPort(ReadOnlySpan<byte> authority)
    {
        var colon = authority.LastIndexOf((byte)':');
        return colon < 0 || authority[colon..].Contains((byte)']') ? authority : authority[..colon];
    }
}
