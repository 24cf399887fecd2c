using System.Collections.Immutable;

namespace Weft.Identity;

/// <summary>A certificate that the authority signed.</summary>
/// <param name="Id">The identity in it.</param>
/// <param name="SerialNumber">Hexadecimal, upper case.</param>
/// <param name="NotBefore">Start of validity: backdated, so not the moment of issue.</param>
/// <param name="NotAfter">End of validity.</param>
/// <param name="ChainPem">PEM texts: the leaf, the issuing certificate, and last all trusted roots in one text.</param>
public sealed record IssuedCertificate(
    SpiffeId Id, string SerialNumber, DateTimeOffset NotBefore, DateTimeOffset NotAfter, ImmutableArray<string> ChainPem);
