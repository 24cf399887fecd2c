using System.Net;
using System.Net.Sockets;
using System.Text.RegularExpressions;

namespace Weft.Resources.Schema;

/// <summary>A form that text must have.</summary>
/// <param name="Name">The form in a person's words.</param>
/// <param name="Rule">The whole rule, shown when it is broken.</param>
/// <param name="Check">True when the text has the form.</param>
public sealed record TextFormat(string Name, string Rule, Func<string, bool> Check)
{
    private static readonly Regex Rfc3339 = new(@"^\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d{1,9})?([Zz]|[-+]\d{2}:\d{2})$", RegexOptions.NonBacktracking | RegexOptions.CultureInvariant);

    /// <summary>RFC 1123 label: Namespace and Service names, port names' alphabet.</summary>
    public static readonly TextFormat DnsLabel = new("DNS label",
        "lower-case letters, digits and '-', starting and ending with a letter or digit, at most 63 characters", IsDnsLabel);

    /// <summary>RFC 1035 label, as Service names are: a label that starts with a letter.</summary>
    public static readonly TextFormat DnsLabel1035 = new("DNS label",
        "lower-case letters, digits and '-', starting with a letter and ending with a letter or digit, at most 63 characters",
        s => IsDnsLabel(s) && char.IsAsciiLetterLower(s[0]));

    /// <summary>RFC 1123 subdomain: most object names.</summary>
    public static readonly TextFormat DnsSubdomain = new("DNS name",
        "labels of lower-case letters, digits and '-' joined by '.', at most 253 characters",
        s => s.Length is > 0 and <= 253 && s.Split('.').All(IsDnsLabel));

    /// <summary>A host name as Gateway API writes it: a subdomain that may begin with <c>*.</c>; never an address.</summary>
    public static readonly TextFormat Hostname = new("host name",
        "a DNS name in lower case, optionally with the first label *; an IP address is not a host name",
        s => s.Length is > 0 and <= 253 && !IPAddress.TryParse(s, out _) && (s.StartsWith("*.", StringComparison.Ordinal) ? s[2..] : s).Split('.').All(IsDnsLabel));

    public static readonly TextFormat PreciseHostname = new("host name", "a DNS name in lower case without wildcard; an IP address is not a host name",
        s => !s.StartsWith('*') && Hostname.Check(s));

    /// <summary>Kubernetes port name (IANA service name, RFC 6335): at most 15 characters with at least one letter.</summary>
    public static readonly TextFormat PortName = new("port name",
        "lower-case letters, digits and single '-', at least one letter, at most 15 characters",
        s => s.Length <= 15 && IsDnsLabel(s) && s.Any(char.IsAsciiLetterLower) && !s.Contains("--", StringComparison.Ordinal));

    public static readonly TextFormat LabelKey = new("label key",
        "an optional DNS prefix and '/', then at most 63 letters, digits, '-', '_' or '.', starting and ending with a letter or digit", IsLabelKey);

    public static readonly TextFormat LabelValue = new("label value",
        "at most 63 letters, digits, '-', '_' or '.', starting and ending with a letter or digit, or nothing", s => s.Length == 0 || IsQualifiedName(s));

    public static readonly TextFormat IpAddress = new("IP address", "an IPv4 address in four decimal parts, or an IPv6 address without brackets or zone", IsIpAddress);

    /// <summary>Range of IPv4 addresses, with room for more than a handful.</summary>
    public static readonly TextFormat Ipv4Range = new("IPv4 range", "an IPv4 address, '/' and a prefix length of 8 to 30, with no bit set behind the prefix, as 240.240.0.0/16",
        s => IsRange(s, AddressFamily.InterNetwork, 8, 30));

    public static readonly TextFormat Ipv6Range = new("IPv6 range", "an IPv6 address, '/' and a prefix length of 16 to 126, with no bit set behind the prefix, as fd77:6566:7400::/112",
        s => IsRange(s, AddressFamily.InterNetworkV6, 16, 126));

    /// <summary>What a Service may say of its own address.</summary>
    public static readonly TextFormat ClusterAddress = new("address or None", "an IP address, None for a headless Service, or nothing: then an address is given",
        s => s is "" or "None" || IsIpAddress(s));

    public static readonly TextFormat Duration = new("duration", "numbers with units h, m, s, ms and no fractions, as 1h30m, 10s or 500ms (GEP-2257)",
        s => GatewayDuration.TryParse(s, out _));

    public static readonly TextFormat Timestamp = new("time", "RFC 3339, as 2026-01-02T15:04:05Z", s => Rfc3339.IsMatch(s) && DateTimeOffset.TryParse(s, out _));

    /// <summary>RFC 9110 field name.</summary>
    public static readonly TextFormat HeaderName = new("header name", "letters, digits and !#$%&'*+-.^_`|~", s => s.Length > 0 && s.All(IsTokenCharacter));

    /// <summary>A field value: visible characters, spaces and tabs. Line breaks would let a value add fields of its own.</summary>
    public static readonly TextFormat HeaderValue = new("header value", "visible characters and spaces, no line breaks or control characters",
        s => s.All(c => c is '\t' or >= ' ' and not '\x7f'));

    public static readonly TextFormat Token = new("name", "letters, digits and !#$%&'*+-.^_`|~", s => s.Length > 0 && s.All(IsTokenCharacter));

    /// <summary>An absolute path without query or fragment.</summary>
    public static readonly TextFormat AbsolutePath = new("path", "a path that starts with '/', without '?', '#', white space or control characters",
        s => s.StartsWith('/') && !s.Any(c => c is '?' or '#' or <= ' ' or '\x7f'));

    public static readonly TextFormat TrustDomain = new("trust domain", "lower-case letters, digits, '-', '_' and '.', at most 255 characters (SPIFFE ID section 2.1)",
        s => s.Length is > 0 and <= 255 && s.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c is '-' or '_' or '.'));

    internal static bool IsDnsLabel(string s) =>
        s.Length is > 0 and <= 63 && char.IsAsciiLetterOrDigit(s[0]) && char.IsAsciiLetterOrDigit(s[^1])
        && s.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '-');

    private static bool IsLabelKey(string s)
    {
        var slash = s.IndexOf('/');
        return slash < 0 ? IsQualifiedName(s) : DnsSubdomain.Check(s[..slash]) && IsQualifiedName(s[(slash + 1)..]);
    }

    private static bool IsQualifiedName(string s) =>
        s.Length is > 0 and <= 63 && char.IsAsciiLetterOrDigit(s[0]) && char.IsAsciiLetterOrDigit(s[^1])
        && s.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.');

    // IPAddress.TryParse alone takes "1", "0x7f.1" and "[::1]:80"; those are not what a person means by an address.
    private static bool IsIpAddress(string s) =>
        IPAddress.TryParse(s, out var address)
        && (address.AddressFamily == AddressFamily.InterNetwork ? address.ToString() == s : !s.StartsWith('[') && !s.Contains('%'));

    private static bool IsRange(string s, AddressFamily family, int shortest, int longest) =>
        s.IndexOf('/') is var slash and > 0 && IsIpAddress(s[..slash]) && IPNetwork.TryParse(s, out var range) && range.BaseAddress.Equals(IPAddress.Parse(s[..slash]))
        && range.BaseAddress.AddressFamily == family && range.PrefixLength >= shortest && range.PrefixLength <= longest;

    private static bool IsTokenCharacter(char c) => char.IsAsciiLetterOrDigit(c) || "!#$%&'*+-.^_`|~".Contains(c);
}
