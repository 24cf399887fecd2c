using System.Text;
using Weft.Proxy.Http1;

namespace Weft.Proxy.Admin;

/// <summary>What an admin endpoint is asked.</summary>
/// <param name="Method">As sent.</param>
/// <param name="Path">Without query.</param>
/// <param name="Query">Parameters by name, percent-decoded; one without <c>=</c> has an empty value, the last of two wins.</param>
/// <param name="Host">The host that the client asked for, without port; empty for HTTP/1.0 without Host.</param>
/// <param name="HostIsAddress">The host is an IP address.</param>
/// <param name="HasOrigin">A browser says that a page asks.</param>
internal sealed record AdminRequest(
    string Method, string Path, IReadOnlyDictionary<string, string> Query, string Host, bool HostIsAddress, bool HasOrigin)
{
    public bool Has(string parameter) => Query.ContainsKey(parameter);

    /// <summary>Envoy's <c>?format=json</c>.</summary>
    public bool WantsJson => Query.TryGetValue("format", out var format) && format == "json";

    public static AdminRequest Read(Http1Head head, ReadOnlySpan<byte> buffer)
    {
        var target = Encoding.ASCII.GetString(head.Path(buffer));
        var mark = target.IndexOf('?', StringComparison.Ordinal);
        var authority = head.Authority(buffer);
        return new AdminRequest(
            Encoding.ASCII.GetString(head.Method(buffer)),
            mark < 0 ? target : target[..mark],
            mark < 0 ? new Dictionary<string, string>() : ReadQuery(target[(mark + 1)..]),
            Encoding.ASCII.GetString(authority.IsEmpty ? authority : head.AuthorityParts.Host(authority)),
            !authority.IsEmpty && head.AuthorityParts.Kind != HostKind.Name,
            HasField(head, buffer, "origin"u8));
    }

    private static Dictionary<string, string> ReadQuery(string text)
    {
        var query = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var part in text.Split('&', StringSplitOptions.RemoveEmptyEntries))
        {
            var equals = part.IndexOf('=', StringComparison.Ordinal);
            query[Uri.UnescapeDataString(equals < 0 ? part : part[..equals])] = equals < 0 ? "" : Uri.UnescapeDataString(part[(equals + 1)..]);
        }
        return query;
    }

    private static bool HasField(Http1Head head, ReadOnlySpan<byte> buffer, ReadOnlySpan<byte> name)
    {
        foreach (ref readonly var field in head.Fields)
        {
            if (Ascii.EqualsIgnoreCase(buffer.Slice(field.NameStart, field.NameLength), name)) return true;
        }
        return false;
    }
}
