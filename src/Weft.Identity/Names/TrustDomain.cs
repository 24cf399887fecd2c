using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace Weft.Identity;

/// <summary>The name of a trust domain, such as <c>weft.local</c>: the authority of a SPIFFE ID (SPIFFE-ID 2.1). Compared byte by byte;
/// upper case is refused rather than folded, so one domain has one spelling.</summary>
public sealed class TrustDomain : IEquatable<TrustDomain>
{
    /// <summary>The longest name, in bytes.</summary>
    public const int MaximumBytes = 255;

    private TrustDomain(string name) => Name = name;

    /// <summary>The name without scheme, such as <c>weft.local</c>.</summary>
    public string Name { get; }

    /// <summary>The SPIFFE ID of the domain itself, <c>spiffe://NAME</c>. It belongs on signing certificates, never on a leaf.</summary>
    public SpiffeId Id => SpiffeId.ForTrustDomain(this);

    /// <summary>Reads a bare name.</summary>
    public static bool TryParse(string? name, [NotNullWhen(true)] out TrustDomain? domain, out SpiffeIdError error)
    {
        error = Check(name ?? "");
        domain = error == SpiffeIdError.None ? new TrustDomain(name!) : null;
        return domain is not null;
    }

    /// <summary>Reads a bare name.</summary>
    /// <exception cref="FormatException">The name breaks a rule; the message says which.</exception>
    public static TrustDomain Parse(string name) =>
        TryParse(name, out var domain, out var error) ? domain : throw new FormatException($"'{name}' is not a trust domain: {error.Describe()}");

    internal static SpiffeIdError Check(ReadOnlySpan<char> name)
    {
        if (name.IsEmpty) return SpiffeIdError.EmptyTrustDomain;
        if (!Ascii.IsValid(name)) return SpiffeIdError.NotAscii;
        if (name.Length > MaximumBytes) return SpiffeIdError.TrustDomainTooLong;
        if (name.Contains('@')) return SpiffeIdError.UserInformation;
        // An IPv6 literal is full of colons; it is named for what it is and not as a port.
        if (name[0] != '[' && name.Contains(':')) return SpiffeIdError.Port;
        foreach (var c in name)
        {
            if (char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c is '.' or '-' or '_') continue;
            if (c == '%') return SpiffeIdError.TrustDomainPercentEncoding;
            return char.IsAsciiLetterUpper(c) ? SpiffeIdError.TrustDomainUpperCase : SpiffeIdError.TrustDomainCharacter;
        }
        return SpiffeIdError.None;
    }

    /// <inheritdoc/>
    public bool Equals(TrustDomain? other) => other is not null && Name == other.Name;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as TrustDomain);

    /// <inheritdoc/>
    public override int GetHashCode() => Name.GetHashCode(StringComparison.Ordinal);

    /// <inheritdoc/>
    public override string ToString() => Name;
}
