using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace Weft.Identity;

/// <summary>The name of a workload: <c>spiffe://TRUST-DOMAIN/PATH</c> (SPIFFE-ID, section 2). Immutable; equal when the texts are equal.</summary>
/// <remarks>No URI parser is used: it would normalise (<c>a/../b</c>, <c>%61</c>, a default port) what the specification refuses, and two
/// texts that a verifier takes for one name are a way around authorization.</remarks>
public sealed class SpiffeId : IEquatable<SpiffeId>
{
    /// <summary>The longest ID, in bytes (SPIFFE-ID 2.3).</summary>
    public const int MaximumBytes = 2048;

    private const string Scheme = "spiffe:";

    private SpiffeId(TrustDomain trustDomain, string path)
    {
        TrustDomain = trustDomain;
        Path = path;
        Text = $"spiffe://{trustDomain.Name}{path}";
    }

    /// <summary>The trust domain: its bundle alone vouches for this ID.</summary>
    public TrustDomain TrustDomain { get; }

    /// <summary>The path with its leading slash; empty for the ID of a trust domain itself.</summary>
    public string Path { get; }

    /// <summary>The whole ID, scheme in lower case.</summary>
    public string Text { get; }

    /// <summary>Whether this names a trust domain and not a workload. Such an ID belongs on signing certificates only.</summary>
    public bool IsTrustDomain => Path.Length == 0;

    /// <summary>Whether this is a control plane's own ID, <c>spiffe://TRUST-DOMAIN/weft/control</c>.</summary>
    public bool IsControlPlane => Path == ControlPlanePath;

    private const string ControlPlanePath = "/weft/control";

    /// <summary><c>spiffe://TD/ns/NAMESPACE/sa/SERVICE-ACCOUNT</c>.</summary>
    /// <exception cref="FormatException">A part is not one valid path segment.</exception>
    public static SpiffeId ForServiceAccount(TrustDomain trustDomain, string @namespace, string serviceAccount)
    {
        RequireSegment(@namespace, "namespace");
        RequireSegment(serviceAccount, "service account");
        return Parse($"spiffe://{trustDomain.Name}/ns/{@namespace}/sa/{serviceAccount}");
    }

    /// <summary><c>spiffe://TD/weft/control</c>, the control plane's own ID.</summary>
    public static SpiffeId ForControlPlane(TrustDomain trustDomain) => new(trustDomain, ControlPlanePath);

    internal static SpiffeId ForTrustDomain(TrustDomain trustDomain) => new(trustDomain, "");

    /// <summary>Takes <c>/ns/NAMESPACE/sa/SERVICE-ACCOUNT</c> apart. False for every other path.</summary>
    public bool TryGetServiceAccount([NotNullWhen(true)] out string? @namespace, [NotNullWhen(true)] out string? serviceAccount)
    {
        (@namespace, serviceAccount) = (null, null);
        if (Path.Split('/') is not ["", "ns", var ns, "sa", var name]) return false;
        (@namespace, serviceAccount) = (ns, name);
        return true;
    }

    /// <summary>Reads an ID, or the ID of a trust domain.</summary>
    /// <exception cref="FormatException">The text breaks a rule; the message says which.</exception>
    public static SpiffeId Parse(string text) =>
        TryParse(text, out var id, out var error) ? id : throw new FormatException($"'{text}' is not a SPIFFE ID: {error.Describe()}");

    /// <summary>Reads an ID, or the ID of a trust domain. <paramref name="error"/> names the first rule that the text breaks.</summary>
    public static bool TryParse(string? text, [NotNullWhen(true)] out SpiffeId? id, out SpiffeIdError error)
    {
        id = null;
        if (string.IsNullOrEmpty(text)) { error = SpiffeIdError.Empty; return false; }
        if (!Ascii.IsValid(text)) { error = SpiffeIdError.NotAscii; return false; }
        if (text.Length > MaximumBytes) { error = SpiffeIdError.TooLong; return false; }
        if (!text.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase)) { error = SpiffeIdError.Scheme; return false; }
        var rest = text.AsSpan(Scheme.Length);
        if (!rest.StartsWith("//")) { error = SpiffeIdError.NoAuthority; return false; }
        rest = rest[2..];
        if (rest.Contains('?')) { error = SpiffeIdError.Query; return false; }
        if (rest.Contains('#')) { error = SpiffeIdError.Fragment; return false; }

        var slash = rest.IndexOf('/');
        var authority = slash < 0 ? rest : rest[..slash];
        var path = slash < 0 ? default : rest[slash..];
        error = TrustDomain.Check(authority);
        if (error == SpiffeIdError.None) error = CheckPath(path);
        if (error != SpiffeIdError.None) return false;

        _ = TrustDomain.TryParse(authority.ToString(), out var trustDomain, out _);
        id = new SpiffeId(trustDomain!, path.ToString());
        return true;
    }

    private static SpiffeIdError CheckPath(ReadOnlySpan<char> path)
    {
        if (path.IsEmpty) return SpiffeIdError.None;
        if (path[^1] == '/') return SpiffeIdError.TrailingSlash;
        foreach (var range in path[1..].Split('/'))
        {
            var error = CheckSegment(path[1..][range]);
            if (error != SpiffeIdError.None) return error;
        }
        return SpiffeIdError.None;
    }

    private static SpiffeIdError CheckSegment(ReadOnlySpan<char> segment)
    {
        if (segment.IsEmpty) return SpiffeIdError.EmptySegment;
        if (segment is "." or "..") return SpiffeIdError.RelativeSegment;
        foreach (var c in segment)
        {
            if (char.IsAsciiLetterOrDigit(c) || c is '.' or '-' or '_') continue;
            return c == '%' ? SpiffeIdError.PathPercentEncoding : SpiffeIdError.PathCharacter;
        }
        return SpiffeIdError.None;
    }

    private static void RequireSegment(string value, string what)
    {
        var error = CheckSegment(value);
        if (error != SpiffeIdError.None)
            throw new FormatException($"the {what} '{value}' cannot stand in a SPIFFE ID: {error.Describe()}");
    }

    /// <inheritdoc/>
    public bool Equals(SpiffeId? other) => other is not null && Text == other.Text;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as SpiffeId);

    /// <inheritdoc/>
    public override int GetHashCode() => Text.GetHashCode(StringComparison.Ordinal);

    /// <inheritdoc/>
    public override string ToString() => Text;
}
