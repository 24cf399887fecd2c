using System.Collections.Immutable;

namespace Weft.Routing.Security;

/// <summary>TLS as the server speaks it with a listener's clients (envoy…tls.v3.DownstreamTlsContext). Equal content is equal.</summary>
/// <param name="Common">Certificates, trust and protocol choice.</param>
/// <param name="RequireClientCertificate">A client without a valid certificate ends in a TLS alert. Default false.</param>
/// <param name="Resumes">Clients are given a ticket with which they may come back without a full handshake. Default true.</param>
public sealed record DownstreamTls(CommonTls Common, bool RequireClientCertificate, bool Resumes = true);

/// <summary>TLS as the client speaks it with a cluster's endpoints (envoy…tls.v3.UpstreamTlsContext). Equal content is equal.</summary>
/// <param name="Common">Certificates, trust and protocol choice.</param>
/// <param name="Sni">Server name sent; empty sends none.</param>
public sealed record UpstreamTls(CommonTls Common, string Sni);

/// <summary>What both sides of TLS share (envoy…tls.v3.CommonTlsContext).</summary>
public sealed record CommonTls
{
    /// <summary>Own certificate and key; null presents none.</summary>
    public CertificateSource? Certificate { get; init; }

    /// <summary>Whom to trust; null does not verify the peer (Envoy's meaning of an absent validation context).</summary>
    public ValidationSource? Validation { get; init; }

    /// <summary>ALPN names, most wanted first.</summary>
    public ImmutableArray<string> Alpn { get; init; } = [];

    /// <summary>The lowest version spoken; the highest is always TLS 1.3. Default 1.2 (Envoy's).</summary>
    public TlsVersion MinVersion { get; init; } = TlsVersion.Tls12;

    public bool Equals(CommonTls? other) =>
        other is not null && Certificate == other.Certificate && Validation == other.Validation && MinVersion == other.MinVersion
        && Alpn.AsSpan().SequenceEqual(other.Alpn.AsSpan());

    public override int GetHashCode() => HashCode.Combine(Certificate, Validation, MinVersion, Alpn.Length);
}

public enum TlsVersion : byte
{
    Tls12,
    Tls13,
}

/// <summary>A secret by name (SDS), or a certificate written in the resource itself. Exactly one is set.</summary>
public sealed record CertificateSource(string? SecretName, TlsCertificate? Inline);

/// <summary>A secret by name (SDS), or trust written in the resource itself, or both: then <see cref="Inline"/> adds its matchers
/// (envoy's combined_validation_context).</summary>
public sealed record ValidationSource(string? SecretName, ValidationContext? Inline);

/// <summary>A certificate chain and its key, both PEM.</summary>
public sealed record TlsCertificate(DataSource Chain, DataSource PrivateKey)
{
    public override string ToString() => $"chain {Chain}"; // never the key
}

/// <summary>Whom to trust (envoy…tls.v3.CertificateValidationContext).</summary>
/// <param name="TrustedRoots">PEM; null leaves trust to the other half of a combined context.</param>
/// <param name="SpiffeIds">The peer's URI name must be one of these, or of a member of <paramref name="TrustDomains"/>; both empty accepts every name.</param>
/// <param name="TrustDomains">Names of trust domains of which every member is accepted.</param>
public sealed record ValidationContext(DataSource? TrustedRoots, ImmutableArray<string> SpiffeIds, ImmutableArray<string> TrustDomains)
{
    public bool Equals(ValidationContext? other) =>
        other is not null && Equals(TrustedRoots, other.TrustedRoots) && SpiffeIds.AsSpan().SequenceEqual(other.SpiffeIds.AsSpan())
        && TrustDomains.AsSpan().SequenceEqual(other.TrustDomains.AsSpan());

    public override int GetHashCode() => HashCode.Combine(TrustedRoots, SpiffeIds.Length, TrustDomains.Length);
}

/// <summary>Bytes in the resource, or a file that the proxy reads (the path of <see cref="FileName"/> is watched by nobody: a change arrives
/// as a new secret). Exactly one is set.</summary>
public sealed class DataSource(ReadOnlyMemory<byte>? inline, string? fileName) : IEquatable<DataSource>
{
    public ReadOnlyMemory<byte>? Inline { get; } = inline;

    public string? FileName { get; } = fileName;

    public bool Equals(DataSource? other) =>
        other is not null && FileName == other.FileName && Inline.HasValue == other.Inline.HasValue
        && (!Inline.HasValue || Inline.Value.Span.SequenceEqual(other.Inline!.Value.Span));

    public override bool Equals(object? obj) => Equals(obj as DataSource);

    public override int GetHashCode()
    {
        var hash = new HashCode();
        hash.Add(FileName);
        if (Inline is { } bytes) hash.AddBytes(bytes.Span);
        return hash.ToHashCode();
    }

    public override string ToString() => FileName ?? $"inline, {Inline?.Length ?? 0} bytes";
}
