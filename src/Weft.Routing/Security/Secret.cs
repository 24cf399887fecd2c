namespace Weft.Routing.Security;

/// <summary>Named material that TLS contexts refer to (envoy…tls.v3.Secret). Exactly one of the two parts is set.</summary>
public sealed record Secret(string Name, TlsCertificate? Certificate, ValidationContext? Validation);
